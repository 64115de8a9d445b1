//! The page's handlers: who is signed in, what they ask for, and the view of it.
//!
//! Invariants: a view is read for the signed-in user alone; sessions, sums, clients, members and the log are read on the
//! threads and within the limits of queries, a user's own keys and machines as keys are when they are presented; a form
//! changes nothing without the token of its own page.

/// Cookies, forms and their tokens.
mod form;

/// Responses with stored data.
mod reply;

/// The signed-in user.
mod page_user;

/// `/sign-in` and `/sign-out`.
mod sign_in;

/// `/sign-in/oidc`.
mod provider;

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

pub use routes::page_routes;
