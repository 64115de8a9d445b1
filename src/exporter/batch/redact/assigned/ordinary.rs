//! Values that stand in for a secret or describe one: placeholders, variables, and ordinary words.

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
    app application apply are array as ascii ask at attempt attribute auth authenticate authentication author authorization auto \
    available basic bearer because been before begin being below between binary bool boolean bot bound browser build button \
    by bytes cache call callback can cannot case change changed char characters check class clear client code column command \
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
    single size some source special ssh ssl standard start state static status step storage store strength string strong struct submit success \
    supported symbol system table tag target temp template temporary test tests text than that the their them there they this ticket time title to \
    toggle token tokens too true type types unable unknown unset until update updated upper uppercase url usage use used user username users using valid \
    validate validation value values variable vault verification verify verified version via view visible wait was we weak web when where which will \
    with without word words wrong yes you your zero accepted blank bcrypt scrypt argon2 sha256 sha512 utf8 hex base64 varchar \
    password1 password123 secret123 pass123 foo bar baz foobar qux quux abc abcdef letmein123 john jane doe alice bob";

/// True for a variable, a hole of a template, a mask, or words that describe a secret.
pub(super) fn is_placeholder(value: &str) -> bool {
    opens_hole(value) || is_mask(value) || {
        let lower = value.to_ascii_lowercase();
        PLACEHOLDERS.iter().any(|words| lower.contains(words)) || lower.contains("[redacted:")
    }
}

/// True for a variable or a hole of a template, and for a value that has one inside.
fn opens_hole(value: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte))
    };
    let is_crypt = value.starts_with('$') && value.matches('$').count() >= 3;
    let is_variable = !is_crypt
        && (value.strip_prefix('$').is_some_and(|rest| is_name(rest) || rest.starts_with(['(', '{']))
            || (value.starts_with('<') && (value.ends_with('>') || is_name(&value[1..])))
            || (value.starts_with('%') && value.ends_with('%'))
            || (value.starts_with('%') && value.len() <= 8)
            || (value.starts_with("%(") && value.contains(")s"))
            || (value.starts_with('{') && value.ends_with('}'))
            || (value.starts_with('[') && value.ends_with(']')));
    let has_field = value.find('{').is_some_and(|at| {
        let inside = &value[at + 1..];
        inside.starts_with(|c: char| c.is_ascii_alphabetic()) && inside.find('}').is_some_and(|end| end >= 4)
    });
    is_variable || has_field || HOLES.iter().any(|(open, close)| has_hole(value, open, close))
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
fn is_mask(value: &str) -> bool {
    value.contains("***") || value.contains("...") || value.contains('…') || value.contains("••")
}

/// True for a word that is no secret by itself.
pub(in crate::exporter::batch::redact) fn is_ordinary(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    ORDINARY_WORDS.split(' ').any(|ordinary| ordinary == lower)
}
