//! Input of the hook: read in pieces of any size, within bounds, and queued.

use super::{NOW, in_folder};
use han_sync::exporter::cli::hook::HookInput;
use han_sync::exporter::state::queue::{Change, Queue};
use serde_json::Value;

/// The first byte is the size of the pieces.
pub fn run(input: &[u8]) {
    let Some((size, words)) = input.split_first() else { return };
    let mut heard = HookInput::default();
    let mut end = heard.end();
    for chunk in words.chunks(usize::from(*size).max(1)) {
        if end.is_some() {
            break;
        }
        heard.add(chunk);
        end = heard.end();
    }
    // However it came, a document that names a session is understood.
    if let Ok(Value::Object(said)) = serde_json::from_slice(words)
        && let Some(Value::String(id)) = said.get("session_id")
        && is_short(id)
    {
        // A name that stands twice is no document that an agent writes.
        assert!(matches!(&end, Some(Some(found)) if found == id) || is_ambiguous(words), "{end:?}");
    }
    let Some(Some(session_id)) = end else { return };
    assert!(session_id.chars().count() <= 256 && !session_id.chars().any(char::is_control), "{session_id:?}");
    assert!(!session_id.trim().is_empty());
    in_folder(|folder| {
        let change = Change::Request { session_id: session_id.clone(), at_once: false };
        let mut warnings = Vec::new();
        let queue =
            Queue::update(folder, None, &[change], *NOW, &mut warnings).expect("the queue can be written");
        let read = Queue::load(folder, None, &mut warnings).expect("the queue can be read");
        assert_eq!((&queue, warnings.len()), (&read, 0));
        assert!(queue.item(&session_id).is_some());
        std::fs::remove_file(Queue::path(folder)).expect("the queue was there");
    });
}

fn is_short(id: &str) -> bool {
    !id.trim().is_empty() && id.chars().count() <= 256 && !id.chars().any(char::is_control)
}

fn is_ambiguous(words: &[u8]) -> bool {
    words.windows(10).filter(|window| *window == b"session_id").count() != 1
}
