//! CSV documents: one behind each table of each view, with all of its rows.

use crate::support::browser::*;
use crate::support::running_receiver::*;
use serde_json::json;

/// The addresses of the CSV documents that a view leads to.
fn documents(page: &str) -> Vec<String> {
    let links = page.split("<a class=\"csv\" href=\"").skip(1);
    links.map(|link| link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")).collect()
}

#[test]
fn each_table_leads_to_its_rows_as_csv() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let now = han_sync::time::format(chrono::Utc::now());
        let row = with(message("m", 0), json!({"timestamp": now, "gitBranch": "topic", "model": "gpt-5"}));
        let task =
            json!({"id": "t", "subject": "subject", "status": "pending", "createdAt": now, "updatedAt": now});
        let sent = with(session("one", ACME, vec![row]), json!({"tasks": [task], "prNumber": 7}));
        assert_eq!(receiver.client(&team.alice).sync(&[sent]).status, 200);
        let [alice, bob] = [&team.alice, &team.bob].map(|key| Browser::signed_in(&receiver, key));
        let views = ["/", "/?branch=topic", "/sessions", "/clients", "/me", "/keys", "/sessions/one"];
        let views = views.map(|url| (&alice, url)).into_iter();
        for (browser, url) in views.chain(["/", "/members", "/audit"].map(|url| (&bob, url))) {
            let page = browser.get(url).text;
            let (links, tables) = (documents(&page), page.matches("<table>").count());
            // Messages are a list, which has a document as well.
            let expected = tables + usize::from(url == "/sessions/one");
            assert!(tables > 0 && links.len() == expected, "{url}: {links:?}");
            for link in links {
                let document = browser.get(&link);
                let lines = lines(&document);
                assert!(lines.len() > 1, "{url}, {link}: {lines:?}");
                assert!(!document.text.contains("Forget") && !lines[0].ends_with(','), "{link}: {lines:?}");
            }
        }
        let tasks = lines(&alice.get("/sessions/one.csv?table=tasks"));
        assert_eq!(tasks[0], "task,description,status,created,changed");
        assert!(tasks[1].starts_with("subject,,pending,"), "{tasks:?}");
        let readers = lines(&alice.get("/me.csv?table=readers"));
        assert!(readers[1].starts_with("acme,bob,"), "{readers:?}");
        assert_eq!(
            lines(&alice.get("/me.csv"))[0],
            "session,repository,organization,who can see it,left your machine because,last change,messages"
        );
        for url in ["/sessions/one.csv?table=x", "/me.csv?table=x"] {
            assert_eq!(alice.get(url).status, 400, "{url}");
        }
        for url in ["/sessions/one.csv?table=tasks", "/sessions/none.csv?table=tasks"] {
            let carol = Browser::signed_in(&receiver, &team.carol);
            assert_eq!(carol.get(url).status, 404, "{url}");
        }
    }
}
