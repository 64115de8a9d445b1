//! The work of redaction grows as the text does, whatever the text is: bytes read are counted, so that neither the machine
//! nor what else runs on it counts.

use super::work;
use super::{Counts, Redactor};

/// Bytes of the shorter text; the other is twice as long.
const BYTES: usize = 6 << 10;
/// Most work for twice the text, in percent of the work for the text once.
const PERCENT_MAX: usize = 220;
/// Pieces of which the worst texts consist: each begins what a rule looks for, or ends it.
pub(super) const PIECES: [&str; 46] = [
    "token=password:secret=",
    "sk-ant-ghp_eyJ-----BEGIN PRIVATE KEY-----\n",
    "https://user:",
    "password=\"\\",
    "password=---",
    "pwd=]",
    "sk-",
    "authorization=",
    "ops_eyJ-",
    "server=a;",
    "host=a ",
    ":5432:a:a:",
    "machine a login ",
    "IDENTIFIED BY 'a",
    "mysql -p",
    "cf_api_",
    "curl -u a:",
    "xoxd-",
    "eyJa.",
    "password, token, user\n",
    "INSERT INTO t (password) VALUES ('a'), ",
    "REJfUEFTU1dPUkQ9eA==\n",
    "password: {",
    "<password a=",
    "[REDACTED:password]",
    "password=[REDACTED:",
    "password=\"[REDACTED:a]",
    "PRIVATE KEY-----BEGIN ",
    "\"kty\":{\"d\":",
    "echo a | base64 > secret ",
    "jwt.sign({a},",
    "a:b@tcp(",
    "_key_A1b2",
    "mnemonic: acorn badger ",
    "recovery code: ab1c-d2ef ",
    "- name: password\n  value:\n",
    "password for a: ",
    "\\u0070\\n\\\"",
    "%25252525",
    "<a href=x>&amp;amp;",
    "Bearer a.b-c_",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345 ",
    "<RSAKeyValue><Modulus>AQAB</Modulus>",
    "<RSAKeyValue><D>AQAB",
    "sk_",
    "live_sk_",
];
/// Ends of such texts: what is found only at the end of all of it is looked for from each of its beginnings.
const ENDS: [&str; 5] = ["", "=a", "example", "@", ";"];

#[test]
fn work_grows_no_faster_than_the_text() {
    let redactor = Redactor::new(&[]).expect("no patterns of its own");
    let mut steep = Vec::new();
    for piece in PIECES {
        for end in ENDS {
            let work = |bytes: usize| {
                let text = piece.repeat(bytes / piece.len()) + end;
                work::of(|| redactor.redact(&text, &mut Counts::default()))
            };
            let (once, twice) = (work(BYTES), work(2 * BYTES));
            if twice * 100 > once * PERCENT_MAX {
                steep.push(format!(
                    "{piece:?} before {end:?}: {once} bytes read, and {twice} for twice the text"
                ));
            }
        }
    }
    assert!(steep.is_empty(), "{}", steep.join("\n"));
}

#[test]
fn counted_work_tells_linear_from_quadratic() {
    let pattern = regex::Regex::new(r"\A(?:a[a-z]*=)").expect("a pattern");
    let quadratic = |bytes: usize| {
        let text = "a".repeat(bytes);
        work::of(|| (0..bytes).for_each(|start| work::attempt(&pattern, &text[start..])))
    };
    assert!(quadratic(200) * 100 > quadratic(100) * PERCENT_MAX);
}
