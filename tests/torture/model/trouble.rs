//! What the receiver and the line do wrong, as lines of the fault server's script.

use han_sync::protocol::SyncError;

use super::action::{Route, Trouble};
use crate::support::fault::When;
use crate::support::{Fault, batches, identities};

/// Requests of a kind; batches that carry anything.
pub fn when(route: Route) -> When {
    match route {
        Route::Identity => identities(),
        Route::Batch => batches().with_data(),
    }
}

pub fn fault(trouble: Trouble, route: Route) -> Fault {
    let is_batch = route == Route::Batch;
    let half =
        || if is_batch { Fault::lie(|_| ()).cut() } else { Fault::status(200).body(r#"{"userId":"us"#) };
    match trouble {
        Trouble::Status(301) => Fault::redirect(301, "https://elsewhere.example/api/sync"),
        Trouble::Status(status) => Fault::status(status),
        Trouble::RetryAfter(status, seconds) => {
            Fault::status(status).header("Retry-After", &seconds.to_string())
        }
        Trouble::Page(status) => Fault::html(status),
        Trouble::CountsWrong if is_batch => Fault::lie(|answer| answer.processed += 1).after_commit(),
        Trouble::CountsNothing if is_batch => Fault::lie(|answer| answer.processed = 0).with_status(200),
        Trouble::NamesStranger if is_batch => Fault::lie(|answer| {
            answer.errors.push(SyncError {
                session_id: "a-stranger".to_owned(),
                code: "VALIDATION_ERROR".to_owned(),
                message: "not in the batch".to_owned(),
            });
        }),
        Trouble::CountsWrong | Trouble::CountsNothing | Trouble::NamesStranger => {
            Fault::status(200).body("{}")
        }
        Trouble::Close => Fault::close(),
        Trouble::Reset => Fault::reset(),
        Trouble::Cut => half(),
        Trouble::StoredThenClose if is_batch => Fault::close().after_commit(),
        Trouble::StoredThenReset if is_batch => Fault::reset().after_commit(),
        Trouble::StoredThenCut if is_batch => half().after_commit(),
        Trouble::StoredThenStatus(status) if is_batch => Fault::status(status).after_commit(),
        Trouble::StoredThenClose | Trouble::StoredThenReset => Fault::reset(),
        Trouble::StoredThenCut | Trouble::StoredThenStatus(_) => half(),
        Trouble::Silence => Fault::silence(),
    }
}
