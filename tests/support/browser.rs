//! A browser without script: cookies, forms with their tokens, no redirects followed unasked.

use super::running_receiver::*;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A browser at one receiver.
pub struct Browser<'r> {
    base: &'r str,
    agent: ureq::Agent,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'r> Browser<'r> {
    /// A browser of somebody who is signed out.
    pub fn new(receiver: &'r RunningReceiver) -> Browser<'r> {
        Browser::at(&receiver.base)
    }

    /// A browser at any server.
    pub fn at(base: &'r str) -> Browser<'r> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent = config.timeout_global(Some(WAIT_MAX)).build().new_agent();
        Browser { base, agent, cookies: RefCell::default() }
    }

    /// A browser of somebody who has signed in with a key.
    pub fn signed_in(receiver: &'r RunningReceiver, key: &str) -> Browser<'r> {
        let browser = Browser::new(receiver);
        let response = browser.sign_in(key);
        assert_eq!(response.status, 303, "{}", response.text);
        browser
    }

    /// Sends the form of the sign-in.
    pub fn sign_in(&self, key: &str) -> HttpResponse {
        let page = self.get("/sign-in");
        self.post("/sign-in", &[("token", &token(&page.text)), ("key", key), ("next", "/")])
    }

    pub fn get(&self, path: &str) -> HttpResponse {
        let request = self.agent.get(format!("{}{path}", self.base)).header("accept", "text/html");
        self.keep(read(request.header("cookie", self.sent_cookies()).call().unwrap()))
    }

    /// Posts a form as it is.
    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> HttpResponse {
        let request = self.agent.post(format!("{}{path}", self.base)).header("cookie", self.sent_cookies());
        self.keep(read(request.send_form(form.iter().copied()).unwrap()))
    }

    /// Opens a page and sends a form of it, with the token of the page.
    pub fn submit(&self, page: &str, action: &str, form: &[(&str, &str)]) -> HttpResponse {
        let page = self.get(page);
        assert_eq!(page.status, 200, "{}", page.text);
        let token = token(&page.text);
        self.post(action, &[&[("token", token.as_str())], form].concat())
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    fn sent_cookies(&self) -> String {
        let cookies = self.cookies.borrow();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&self, response: HttpResponse) -> HttpResponse {
        for (_, set) in response.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = set.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match set.contains("Max-Age=0") {
                true => self.cookies.borrow_mut().remove(name),
                false => self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }
}

/// The token in the first form of a page.
pub fn token(page: &str) -> String {
    let at = page.find("name=\"token\" value=\"").unwrap_or_else(|| panic!("no form: {page}"));
    page[at..].split('"').nth(3).unwrap().to_owned()
}

/// The lines of a CSV document, the headings included; no value has a line break.
pub fn lines(document: &HttpResponse) -> Vec<String> {
    assert_eq!(document.status, 200, "{}", document.text);
    assert!(document.header("content-type").unwrap().starts_with("text/csv"));
    document.text.split_terminator("\r\n").map(str::to_owned).collect()
}
