//! Splits Rust source into tokens and comments.
//!
//! Precise for comments, strings, characters and lifetimes, so that no rule mistakes a text for code; otherwise a token is
//! an identifier, `::` or a single character.

/// An identifier, `::`, or a single character of code. A literal is one token without text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

/// A comment without its slashes; consecutive lines of one kind are one comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub line: usize,
    pub is_doc: bool,
    pub text: String,
}

/// The tokens and comments of one file.
#[derive(Debug, Default)]
pub struct Lexed {
    pub tokens: Vec<Token>,
    pub comments: Vec<Comment>,
}

/// Splits a file; what stands under `#[cfg(test)]` is left out of the tokens.
pub fn lex(text: &str) -> Lexed {
    let mut lexer =
        Lexer { chars: text.chars().collect(), at: 0, line: 1, last_comment: None, lexed: Lexed::default() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.lexed.tokens = without_tests(&lexer.lexed.tokens);
    lexer.lexed
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    /// Marker and line of the last line comment: the next one continues it.
    last_comment: Option<(&'static str, usize)>,
    lexed: Lexed,
}

impl Lexer {
    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, char)| self.chars.get(self.at + index) == Some(&char))
    }

    fn advance(&mut self, count: usize) {
        for _ in 0..count {
            if self.chars.get(self.at) == Some(&'\n') {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn push(&mut self, line: usize, text: String) {
        self.lexed.tokens.push(Token { line, text });
    }

    fn step(&mut self) {
        let char = self.chars[self.at];
        if char.is_whitespace() {
            self.advance(1);
        } else if self.starts_with("//") {
            self.line_comment();
        } else if self.starts_with("/*") {
            self.block_comment();
        } else if let Some(hashes) = self.raw_string_hashes() {
            self.raw_string(hashes);
        } else if char == '"' {
            self.quoted('"');
        } else if char == '\'' {
            self.apostrophe();
        } else if char.is_alphanumeric() || char == '_' {
            let start = self.at;
            while self.chars.get(self.at).is_some_and(|char| char.is_alphanumeric() || *char == '_') {
                self.at += 1;
            }
            self.push(self.line, self.chars[start..self.at].iter().collect());
        } else if self.starts_with("::") {
            self.push(self.line, "::".to_owned());
            self.advance(2);
        } else {
            self.push(self.line, char.to_string());
            self.advance(1);
        }
    }

    fn line_comment(&mut self) {
        let marker = match () {
            () if self.starts_with("///") && !self.starts_with("////") => "///",
            () if self.starts_with("//!") => "//!",
            () => "//",
        };
        let start = self.at + marker.len();
        while self.chars.get(self.at).is_some_and(|char| *char != '\n') {
            self.at += 1;
        }
        let text: String = self.chars[start.min(self.at)..self.at].iter().collect();
        if self.last_comment == Some((marker, self.line - 1))
            && let Some(comment) = self.lexed.comments.last_mut()
        {
            comment.text.push('\n');
            comment.text.push_str(text.trim());
        } else {
            let text = text.trim().to_owned();
            self.lexed.comments.push(Comment { line: self.line, is_doc: marker != "//", text });
        }
        self.last_comment = Some((marker, self.line));
    }

    fn block_comment(&mut self) {
        let (start, line) = (self.at, self.line);
        let is_doc = self.starts_with("/**") || self.starts_with("/*!");
        let mut depth = 0;
        loop {
            if self.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.starts_with("*/") {
                depth -= 1;
                self.advance(2);
            } else {
                self.advance(1);
            }
            if depth == 0 || self.at >= self.chars.len() {
                break;
            }
        }
        let text: String = self.chars[start..self.at.min(self.chars.len())].iter().collect();
        let text = text.trim_matches(['/', '*', '!', ' ', '\n']).to_owned();
        self.lexed.comments.push(Comment { line, is_doc, text });
    }

    /// The number of `#` of the raw string that begins here.
    fn raw_string_hashes(&self) -> Option<usize> {
        let prefix = ["br", "cr", "r"].into_iter().find(|prefix| self.starts_with(prefix))?;
        let rest = &self.chars[self.at + prefix.len()..];
        let hashes = rest.iter().take_while(|char| **char == '#').count();
        (rest.get(hashes) == Some(&'"')).then_some(hashes)
    }

    fn raw_string(&mut self, hashes: usize) {
        let line = self.line;
        while self.chars[self.at] != '"' {
            self.advance(1);
        }
        self.advance(1);
        let end = format!("\"{}", "#".repeat(hashes));
        while self.at < self.chars.len() && !self.starts_with(&end) {
            self.advance(1);
        }
        self.advance(end.len());
        self.push(line, String::new());
    }

    fn quoted(&mut self, quote: char) {
        let line = self.line;
        self.advance(1);
        while self.at < self.chars.len() && self.chars[self.at] != quote {
            let escaped = self.chars[self.at] == '\\';
            self.advance(if escaped { 2 } else { 1 });
        }
        self.advance(1);
        self.push(line, String::new());
    }

    /// A character literal, or the apostrophe of a lifetime.
    fn apostrophe(&mut self) {
        let is_literal =
            self.chars.get(self.at + 1) == Some(&'\\') || self.chars.get(self.at + 2) == Some(&'\'');
        if is_literal {
            self.quoted('\'');
        } else {
            self.advance(1);
        }
    }
}

/// Takes out items under `#[cfg(test)]` and functions under `#[test]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const TEST_ATTRIBUTES: &[&[&str]] =
        &[&["#", "[", "cfg", "(", "test", ")", "]"], &["#", "[", "test", "]"]];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let attribute = TEST_ATTRIBUTES.iter().find(|attribute| {
            tokens.len() - at >= attribute.len()
                && tokens[at..].iter().zip(**attribute).all(|(token, text)| token.text == **text)
        });
        if let Some(attribute) = attribute {
            at = item_end(tokens, at + attribute.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The index behind the item that begins at `at`: behind its `;`, or behind its last brace.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    let mut brackets = 0_i32;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            ";" if brackets == 0 => return at + 1,
            "{" if brackets == 0 => return closing_brace(tokens, at) + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The index of the brace that closes the one at `open`.
pub fn closing_brace(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len() - 1
}
