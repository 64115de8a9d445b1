//! HTTPS: certificates that are wrong are named as such, authorities and proxies are honoured, plain http stays home.

use std::fs;

use chrono::TimeDelta;
use serde_json::json;

use super::scene::Scene;
use crate::support::proxy::Proxy;
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::tls::{Authority, Certificate, FAR_HOST};
use crate::support::{Sandbox, TestReceiver};

/// A receiver over https whose certificate is the authority's, known by `caFile` to a sandbox.
fn https_scene(authority: &Authority, certificate: Certificate) -> Scene {
    let scene = Scene::with(TestReceiver::https(authority.server(certificate)), &[3, 2]);
    let path = scene.path("ca.pem");
    fs::write(&path, authority.pem()).unwrap();
    scene.set("caFile", path.to_str().unwrap());
    scene
}

#[test]
fn ca_file_is_an_extra_authority() {
    let authority = Authority::new("team");
    for host in ["localhost", "127.0.0.1"] {
        let scene = https_scene(&authority, Certificate::Right);
        scene.set("endpoint", &scene.server.endpoint_at(host));
        scene.run_json(&[], 0);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn trust_store_of_the_platform_is_honoured() {
    let authority = Authority::new("company");
    let scene = https_scene(&authority, Certificate::Right);
    scene.unset("caFile");
    scene.env("SSL_CERT_FILE", scene.path("ca.pem").to_str().unwrap());
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();

    // An extra authority adds to it and takes nothing away.
    fs::write(scene.path("extra.pem"), Authority::new("extra").pem()).unwrap();
    scene.set("caFile", scene.path("extra.pem").to_str().unwrap());
    scene.add_messages(&scene.sessions[0], 1);
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn wrong_certificates_are_named_and_nothing_is_sent() {
    let authority = Authority::new("team");
    for (certificate, known, said) in [
        (Certificate::Right, false, "certificate"),
        (Certificate::Expired, true, "expired"),
        (Certificate::OtherHost, true, "127.0.0.1"),
    ] {
        let scene = https_scene(&authority, certificate);
        scene.set("organizations", "[github.com/acme-corp]");
        if !known {
            scene.unset("caFile");
        }
        let (report, outcome) = scene.run_json(&["--max-seconds", "1"], 75);
        outcome.prints("certificate").prints(said).does_not_print(ALICE_KEY);
        assert_eq!((&report["status"], &report["messagesPending"]), (&json!("error"), &json!(5)), "{report}");
        assert!(scene.status()["lastError"].as_str().unwrap().contains("certificate"));
        assert_eq!(scene.server.request_count(), 0);
        let next = scene.retry_at(&report);

        // The certificate is renewed.
        let renewed = TestReceiver::https(authority.server(Certificate::Right));
        scene.set("caFile", scene.path("ca.pem").to_str().unwrap());
        scene.set("endpoint", &renewed.endpoint());
        scene.set_now(next + TimeDelta::seconds(1));
        scene.run_json(&[], 0);
        scene.assert_all_delivered_but(&[], &renewed.alice());
    }
}

#[test]
fn ca_file_that_is_none_is_a_matter_of_configuration() {
    let authority = Authority::new("team");
    for (name, content) in
        [("missing.pem", None), ("empty.pem", Some("")), ("text.pem", Some("no certificate"))]
    {
        let scene = https_scene(&authority, Certificate::Right);
        let path = scene.path(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        scene.set("caFile", path.to_str().unwrap());
        let (report, outcome) = scene.run_json(&[], 78);
        outcome.prints("caFile").prints(name);
        assert_eq!(report["status"], "error", "{report}");
        assert_eq!(scene.server.connection_count(), 0);
    }
}

/// A scene whose receiver is far away: its name is known to no resolver, and only a proxy leads there.
fn far_scene(authority: &Authority) -> Scene {
    let scene = https_scene(authority, Certificate::Right);
    scene.set("endpoint", &scene.server.endpoint_at(FAR_HOST));
    scene
}

#[test]
fn proxy_of_the_environment_is_used() {
    let authority = Authority::new("team");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let scene = far_scene(&authority);
        let proxy = Proxy::to(Some(scene.server.address()));
        scene.env(variable, &proxy.url_for("user:pass-word"));
        let (_, outcome) = scene.run_json(&["--verbose"], 0);
        outcome.does_not_print("pass-word");
        let tunnels = proxy.asked();
        assert!(!tunnels.is_empty(), "{variable}");
        for tunnel in tunnels {
            let target = format!("{FAR_HOST}:{}", scene.server.address().port());
            assert_eq!((tunnel.method.as_str(), tunnel.path.as_str()), ("CONNECT", target.as_str()));
            assert_eq!(tunnel.header("proxy-authorization"), Some("Basic dXNlcjpwYXNzLXdvcmQ="));
            assert_eq!(tunnel.header("authorization"), None, "the key is not the proxy's to see");
        }
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn no_proxy_and_this_machine_are_reached_without_the_proxy() {
    let authority = Authority::new("team");
    for no_proxy in ["receiver.invalid", "example.com,receiver.invalid", ".invalid", "*"] {
        let scene = far_scene(&authority);
        let proxy = Proxy::to(Some(scene.server.address()));
        scene.env("HTTPS_PROXY", &proxy.url());
        scene.env("NO_PROXY", no_proxy);
        let (_, outcome) = scene.run_json(&["--max-seconds", "1"], 75);
        outcome.prints(FAR_HOST);
        assert_eq!(proxy.asked().len(), 0, "NO_PROXY={no_proxy}");
    }
    let scene = https_scene(&authority, Certificate::Right);
    let proxy = Proxy::to(None);
    scene.env("HTTPS_PROXY", &proxy.url());
    scene.run_json(&[], 0);
    assert_eq!(proxy.asked().len(), 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn proxy_that_refuses_is_a_fault_that_passes() {
    let authority = Authority::new("team");
    let scene = far_scene(&authority);
    let refusing = Proxy::to(None);
    scene.env("HTTPS_PROXY", &refusing.url_for("user:pass-word"));
    let (_, outcome) = scene.run_json(&["--max-seconds", "1"], 75);
    outcome.prints("proxy").does_not_print("pass-word");
    assert!(!scene.status().to_string().contains("pass-word"));
    let willing = Proxy::to(Some(scene.server.address()));
    scene.env("HTTPS_PROXY", &willing.url());
    scene.advance(TimeDelta::seconds(3601));
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn plain_http_is_refused_off_loopback_and_taken_on_it() {
    for host in [
        "example.com",
        "192.0.2.1",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "[2001:db8::1]",
        "0.0.0.0",
    ] {
        let sandbox = Sandbox::unconfigured();
        sandbox.set("enabled", "true");
        sandbox.set("apiKey", ALICE_KEY);
        sandbox.set("endpoint", &format!("\"http://{host}/api/sync\""));
        crate::support::han_db::HanDb::create(sandbox.database());
        let outcome = sandbox.run(&["--json"]).exits(78).prints("https").prints("endpoint");
        assert_eq!(outcome.json()["status"], "error", "{host}");
    }
    for host in ["localhost", "127.0.0.1"] {
        let scene = Scene::new(&[1]);
        scene.set("endpoint", &scene.server.endpoint_at(host));
        scene.run_json(&[], 0);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn receiver_that_speaks_no_tls_is_a_fault_that_is_named() {
    let scene = Scene::new(&[1]);
    let tls_at_plain = scene.server.endpoint().replace("http:", "https:");
    scene.set("endpoint", &tls_at_plain);
    let (_, outcome) = scene.run_json(&["--max-seconds", "1"], 75);
    outcome.prints(&tls_at_plain).prints("cannot be reached");
    scene.set("endpoint", &scene.server.endpoint());
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}
