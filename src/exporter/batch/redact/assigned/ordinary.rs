//! Values that stand in for a secret or describe one: placeholders, variables, rules of validation, and ordinary words.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use foldhash::fast::FixedState;

use super::randomness::{AssignedValue, is_structured};

/// Words that people write in place of a secret.
const PLACEHOLDERS: [&str; 22] = [
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "change-this",
    "your_",
    "your-",
    "yourp",
    "yourt",
    "yours",
    "yourk",
    "dummy",
    "redacted",
    "insert",
    "todo",
    "xxxx",
    "undefined",
    "replace",
    "censored",
    "masked",
    "filtered",
];
/// Words that are a value of their own kind where a password could be, or a part of a text about one.
const ORDINARY_WORDS: &str = "a about access account accounts add address admin administrator again all allow allowed alphanumeric and any api \
    app application apply are argument arguments array as ascii ask at attempt attribute auth authenticate authentication author authorization auto \
    available basic bearer because been before begin being below between binary bool boolean bot bound browser build button \
    by bytes cache call callback can cannot case change changeit changed char characters check class clear client code column command \
    complete component confirm confirmation config configuration connect connection constant contain contains content context \
    control cookie copy count create credential credentials current custom data database date debug decrypt default \
    define defined delete demo deprecated describe description device digest dialog different digits directory disable disabled \
    display do document does done double edit either email empty enable enabled encode encoded encrypt encrypted encryption end \
    enter entry env environment error event every exception existing expected expire expired external extra fail failed false \
    field file fill find first flag float folder for force forgot forgotten form format found free from function generate \
    generated get getter git github give global google group guest handler has hash hashed have header hello help hidden hide \
    hint home host hostname how http https id identifier identity if ignore image import in include incorrect index info \
    information init input int integer interactive internal invalid is it item its json keep key keyboard keychain keyring keys \
    label last length less letters level library line link list literal load local location lock log login logout long lookup \
    lost lower lowercase machine mail main manager manual map match maximum may md5 me member memory message method minimum missing mode model \
    modify module more must my name needed network never new next no node none not nothing null number numbers object of off \
    ok old on one only open operation option optional options or organization other otherwise our out output owner \
    page pair param parameter parameters parse pass passcode passed passphrase passwd password passwords path pattern personal phrase pin place plain plaintext please \
    plugin policy pop port postgres prefix present press previous primary private process profile program project prompt properties property protected \
    provide provided provider public pwd query quit random read readonly receive recover register remember remote remove repeat repository request \
    require required requires reset resource response result retry retype return role root rotate rule run safe same save schema script \
    secondary secret secrets secure security see select send sequence server service session set setting settings setup should show sign signature simple since \
    single size some source special ssh ssl standard start state static status step storage store strength string strong struct submit success switch \
    supported symbol system table tag target temp template temporary test tests text than that the their them there they this ticket time title to \
    toggle token tokens too true type types unable unknown unset until update updated upper uppercase url usage use used user username users using valid \
    validate validation value values variable vault verification verify verified version via view visible wait was we weak web when where which will \
    with without word words wrong yes you your zero accepted blank bcrypt scrypt argon2 sha256 sha512 utf8 hex base64 varchar \
    passwort kennwort contraseña senha parola wachtwoord heslo neues altes vergessen oublié nouveau ancien actuel nueva nuevo actual \
    clave olvidado confirmar nova atual benutzer usuario utilisateur required fields password1 password123 secret123 pass123 foo bar baz foobar qux quux abc abcdef letmein123 john jane doe alice bob";

/// True for a variable, a hole of a template, a mask, or words that describe a secret.
pub(super) fn is_placeholder(value: &AssignedValue) -> bool {
    static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let words = PLACEHOLDERS.iter().chain(["[redacted:"].iter());
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
        builder.build(words).expect("a few short words fit into an automaton")
    });
    opens_hole(value) || is_mask(value) || WORDS.is_match(value.text)
}

/// True for a variable or a hole of a template, and for a value that has one inside.
fn opens_hole(value: &AssignedValue) -> bool {
    let text = value.text;
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte))
    };
    let is_variable = match text.as_bytes().first() {
        // The hash of a password begins with a dollar sign, too.
        Some(b'$') => {
            text.matches('$').count() < 3
                && text.strip_prefix('$').is_some_and(|rest| {
                    (is_name(rest) && !AssignedValue::of(rest).is_short_random())
                        || rest.starts_with(['(', '{'])
                })
        }
        Some(b'<') => (text.ends_with('>') || is_name(&text[1..])) && is_description(&text[1..]),
        Some(b'%') => {
            text.ends_with('%') || text.len() <= 8 || (text.starts_with("%(") && text.contains(")s"))
        }
        Some(b'{') => text.ends_with('}') && is_description(&text[1..]),
        Some(b'[') => text.ends_with(']') && is_description(&text[1..]),
        _ => false,
    };
    let has_field = || {
        let inside = &text[text.find('{')? + 1..];
        let name = &inside[..inside.find('}')?];
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:!-".contains(&byte));
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
        Some(name.len() >= 4 && begins && is_name && is_description(name))
    };
    is_variable
        || (value.has(b'{') && has_field() == Some(true))
        || (b"${#<%@".iter().any(|sign| value.has(*sign))
            && HOLES.iter().any(|(open, close)| has_hole(text, open, close)))
}

/// True for what stands in a hole of a template, rather than letters of both cases and digits in no order.
fn is_description(inside: &str) -> bool {
    let inside = inside.trim_end_matches(['>', '}', ']']);
    let shape = AssignedValue::of(inside).shape;
    shape.digits == 0 || shape.lower == 0 || shape.upper == 0 || is_structured(inside)
}

/// The signs around a hole of a template.
const HOLES: [(&str, &str); 7] =
    [("${", "}"), ("{{", "}}"), ("$(", ")"), ("#{", "}"), ("<%", "%>"), ("%{", "}"), ("@{", "}")];

/// True if a name or a blank follows the opening sign, and the closing sign follows later.
fn has_hole(value: &str, open: &str, close: &str) -> bool {
    let Some(at) = value.find(open) else { return false };
    let inside = &value[at + open.len()..];
    let begins =
        inside.is_empty() || inside.starts_with(|c: char| c.is_ascii_alphabetic() || " ._-".contains(c));
    begins && inside.contains(close)
}

/// True for a value that hides another: `****`, `…`, `••••`.
fn is_mask(value: &AssignedValue) -> bool {
    value.contains("***") || value.contains("...") || {
        !value.shape.is_ascii && (value.text.contains('…') || value.text.contains("••"))
    }
}

/// Names of rules by which frameworks validate the fields of a form.
const VALIDATION_RULES: &str = "accepted active_url after alpha alpha_dash alpha_num alpha_numeric array bail before between \
    boolean confirmed current_password date decimal declined different digits digits_between distinct email ends_with exact_length \
    exclude exists file filled greater_than hashed image in in_list integer is_natural is_unique json less_than lowercase mac_address \
    matches max max_length mimes min min_length missing multiple_of not_in nullable numeric password present prohibited regex \
    regex_match required required_if required_unless required_with required_without same size sometimes starts_with string timezone \
    trim ulid unique uppercase url uuid valid_email xss_clean";

/// True for rules of validation, as in `required|string|min:8` and `min_length[8]|matches[password]`.
pub(super) fn is_validation(value: &AssignedValue) -> bool {
    static NAMES: LazyLock<HashSet<&str, FixedState>> =
        LazyLock::new(|| VALIDATION_RULES.split_whitespace().collect());
    if !(value.has(b'|') || value.has(b':')) {
        return false;
    }
    let is_known = |rule: &str| NAMES.contains(rule.split([':', '[', '(']).next().unwrap_or_default().trim());
    is_known(value.text.split('|').next().unwrap_or_default())
        || value.text.split('|').filter(|rule| is_known(rule)).nth(1).is_some()
}

/// True for a word that is no secret by itself.
pub(in crate::exporter::batch::redact) fn is_ordinary(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str, FixedState>> =
        LazyLock::new(|| ORDINARY_WORDS.split_whitespace().collect());
    if word.len() > ORDINARY_BYTES_MAX {
        return false;
    }
    match word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => WORDS.contains(word.to_ascii_lowercase().as_str()),
        false => WORDS.contains(word),
    }
}

/// Bytes of the longest ordinary word.
const ORDINARY_BYTES_MAX: usize = 16;
