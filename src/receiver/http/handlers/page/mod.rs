//! The page's handlers: who is signed in, what they ask for, and the view of it.
//!
//! Invariants: a view is read for the signed-in user alone, on the threads and within the limits of queries; a form changes
//! nothing without the token of its own page; no response may be framed, or load anything from elsewhere.

/// Cookies, forms and their tokens.
mod form;

/// Responses of the page.
mod reply;

/// The signed-in user.
mod page_user;

/// `/sign-in` and `/sign-out`.
mod sign_in;

/// `/`, its CSV, and the style sheet.
mod overview;

/// `/clients`, `/sessions`, `/me`.
mod lists;

/// `/sessions/{id}`.
mod session;

/// `/keys` and `/device`.
mod keys;

/// `/members` and `/audit`.
mod administration;

/// The routes.
mod routes;

pub use reply::error_page;
pub use routes::page_routes;
