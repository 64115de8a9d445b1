//! Parts of dumps, documents and mark-up between a name and its value: types, lengths, visibility, tags, attributes, the
//! beginning of an object.

use super::cursor::{BLANK_BYTES_MAX, SyntaxReader};

/// Names of the member that holds the value within an object that the name has.
const INNER_NAMES: [&str; 8] =
    ["value", "Value", "default", "secretValue", "stringValue", "plaintext", "secret", "S"];
/// Bytes of such an object before its value.
const OBJECT_BYTES_MAX: usize = 80;
/// Bytes of a type or of a visibility.
const TYPE_BYTES_MAX: usize = 40;

impl SyntaxReader<'_> {
    /// Skips the visibility of a member in a dump of PHP: `[password:protected] =>`.
    pub(super) fn skip_visibility(&mut self) {
        if self.peek() != b':' {
            return;
        }
        let rest = &self.bytes[self.at..];
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b":_\\\"".contains(byte);
        let length = rest.iter().take(TYPE_BYTES_MAX).take_while(is_name).count();
        if rest[length..].starts_with(b"] =>") || rest[length..].starts_with(b"]=>") {
            self.at += length;
        }
    }

    /// Skips the type of a value in a dump of PHP: `string(16) "…"`.
    pub(super) fn skip_dumped_type(&mut self) {
        let start = self.at;
        if self.eat("string(") {
            while self.peek().is_ascii_digit() {
                self.at += 1;
            }
            if !self.eat(") ") {
                self.at = start;
            }
        }
    }

    /// Reads the length of a string that PHP serialized: `s:8:"password";s:16:"…"`.
    pub(super) fn serialized_length(&mut self, is_quoted: bool) -> bool {
        let start = self.at;
        if !is_quoted || !self.eat(";s:") {
            return false;
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        let is_length = self.eat(":");
        if !is_length {
            self.at = start;
        }
        is_length
    }

    /// Skips a tag or an anchor of YAML: `!!str value`, `&name value`.
    pub(super) fn skip_yaml_tag(&mut self) {
        let start = self.at;
        if !self.eat_any(&["!", "&"]) {
            return;
        }
        self.eat("!");
        let rest = self.bytes[self.at..].iter().take(BLANK_BYTES_MAX);
        self.at += rest.take_while(|byte| byte.is_ascii_alphanumeric() || b"_-/:".contains(*byte)).count();
        if !self.eat(" ") {
            self.at = start;
        }
    }

    /// Skips the attributes of an XML element that the name begins: `<Password Type="…">`.
    pub(super) fn element(&mut self, name_start: usize) -> bool {
        let is_element = name_start > 0 && matches!(self.byte(name_start - 1), b'<' | b':');
        let rest = self.bytes[self.at..].iter().take(OBJECT_BYTES_MAX * 2);
        let length = rest.take_while(|byte| !matches!(byte, b'<' | b'>' | b'\n')).count();
        let end = self.at + length;
        let is_open = is_element && length > 0 && self.byte(end) == b'>' && self.byte(end - 1) != b'/';
        self.at = if is_open { end + 1 } else { self.at };
        is_open
    }

    /// Reads the beginning of an object up to the member that holds the value: `"token": {"value": "…"}`,
    /// `variable "token" { default = "…" }`.
    pub(super) fn object(&mut self) -> bool {
        let start = self.at;
        self.blank();
        if !self.eat("{") {
            self.at = start;
            return false;
        }
        let end = self.bytes.len().min(self.at + OBJECT_BYTES_MAX);
        while self.at < end && self.peek() != b'}' {
            let begins_word = !self.byte(self.at - 1).is_ascii_alphanumeric();
            if begins_word && self.eat_any(&INNER_NAMES) {
                self.quote();
                self.blank();
                if self.eat_any(&[":", "="]) {
                    return true;
                }
            } else {
                self.at += 1;
            }
        }
        self.at = start;
        false
    }
}
