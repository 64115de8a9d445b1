//! Hexadecimal text: the one encoder and decoder of both programs.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Encodes bytes as lower-case digits, two a byte.
pub fn encode(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Decodes digits of either case; `None` for anything else, and for an odd number of digits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_reverses_encoding() {
        assert_eq!(encode(&[0, 0x1f, 0xff]), "001fff");
        assert_eq!(decode("001FfF"), Some(vec![0, 0x1f, 0xff]));
        assert_eq!(decode(""), Some(Vec::new()));
    }

    #[test]
    fn odd_lengths_signs_and_other_characters_are_rejected() {
        for text in ["0", "+f", "0x", "zz", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
