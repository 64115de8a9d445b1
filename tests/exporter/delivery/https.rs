//! HTTPS: certificates that are wrong are named as such, authorities and proxies are honoured, plain http stays home.

use std::fs;

use chrono::TimeDelta;
use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::proxy::Proxy;
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::tls::{Authority, Certificate, FAR_HOST};
use crate::support::{Sandbox, TestReceiver};

/// A receiver over https whose certificate is the authority's, known by `caFile` to a sandbox.
fn https_test(authority: &Authority, certificate: Certificate) -> ExporterTest {
    let test = ExporterTest::against(TestReceiver::https(authority.server(certificate)), &[3, 2]);
    let path = test.path("ca.pem");
    fs::write(&path, authority.pem()).unwrap();
    test.set("caFile", path.to_str().unwrap());
    test
}

#[test]
fn ca_file_is_an_extra_authority() {
    let authority = Authority::new("team");
    for host in ["localhost", "127.0.0.1"] {
        let test = https_test(&authority, Certificate::Right);
        test.set("endpoint", &test.receiver.endpoint_at(host));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn trust_store_of_the_platform_is_honoured() {
    let authority = Authority::new("company");
    let test = https_test(&authority, Certificate::Right);
    test.unset("caFile");
    test.env("SSL_CERT_FILE", test.path("ca.pem").to_str().unwrap());
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();

    // An extra authority adds to it and takes nothing away.
    fs::write(test.path("extra.pem"), Authority::new("extra").pem()).unwrap();
    test.set("caFile", test.path("extra.pem").to_str().unwrap());
    test.add_messages(&test.sessions[0], 1);
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn wrong_certificates_are_named_and_nothing_is_sent() {
    let authority = Authority::new("team");
    for (certificate, known, said) in [
        (Certificate::Right, false, "certificate"),
        (Certificate::Expired, true, "expired"),
        (Certificate::OtherHost, true, "127.0.0.1"),
    ] {
        let test = https_test(&authority, certificate);
        test.set("organizations", "[github.com/acme-corp]");
        if !known {
            test.unset("caFile");
        }
        let (report, outcome) = test.run_json(&["--max-seconds", "1"], 75);
        outcome.prints("certificate").prints(said).does_not_print(ALICE_KEY);
        assert_eq!((&report["status"], &report["messagesPending"]), (&json!("error"), &json!(5)), "{report}");
        assert!(test.status()["lastError"].as_str().unwrap().contains("certificate"));
        assert_eq!(test.receiver.request_count(), 0);
        let next = test.retry_at(&report);

        // The certificate is renewed.
        let renewed = TestReceiver::https(authority.server(Certificate::Right));
        test.set("caFile", test.path("ca.pem").to_str().unwrap());
        test.set("endpoint", &renewed.endpoint());
        test.set_now(next + TimeDelta::seconds(1));
        test.run_json(&[], 0);
        test.assert_all_delivered_but(&[], &renewed.alice());
    }
}

#[test]
fn ca_file_that_is_none_is_a_matter_of_configuration() {
    let authority = Authority::new("team");
    for (name, content) in
        [("missing.pem", None), ("empty.pem", Some("")), ("text.pem", Some("no certificate"))]
    {
        let test = https_test(&authority, Certificate::Right);
        let path = test.path(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        test.set("caFile", path.to_str().unwrap());
        let (report, outcome) = test.run_json(&[], 78);
        outcome.prints("caFile").prints(name);
        assert_eq!(report["status"], "error", "{report}");
        assert_eq!(test.receiver.connection_count(), 0);
    }
}

/// A test whose receiver is far away: its name is known to no resolver, and only a proxy leads there.
fn proxied_test(authority: &Authority) -> ExporterTest {
    let test = https_test(authority, Certificate::Right);
    test.set("endpoint", &test.receiver.endpoint_at(FAR_HOST));
    test
}

#[test]
fn proxy_of_the_environment_is_used() {
    let authority = Authority::new("team");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let test = proxied_test(&authority);
        let proxy = Proxy::to(Some(test.receiver.address()));
        test.env(variable, &proxy.url_for("user:pass-word"));
        let (_, outcome) = test.run_json(&["--verbose"], 0);
        outcome.does_not_print("pass-word");
        let tunnels = proxy.asked();
        assert!(!tunnels.is_empty(), "{variable}");
        for tunnel in tunnels {
            let target = format!("{FAR_HOST}:{}", test.receiver.address().port());
            assert_eq!((tunnel.method.as_str(), tunnel.path.as_str()), ("CONNECT", target.as_str()));
            assert_eq!(tunnel.header("proxy-authorization"), Some("Basic dXNlcjpwYXNzLXdvcmQ="));
            assert_eq!(tunnel.header("authorization"), None, "the key is not the proxy's to see");
        }
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn no_proxy_and_this_machine_are_reached_without_the_proxy() {
    let authority = Authority::new("team");
    for no_proxy in ["receiver.invalid", "example.com,receiver.invalid", ".invalid", "*"] {
        let test = proxied_test(&authority);
        let proxy = Proxy::to(Some(test.receiver.address()));
        test.env("HTTPS_PROXY", &proxy.url());
        test.env("NO_PROXY", no_proxy);
        let (_, outcome) = test.run_json(&["--max-seconds", "1"], 75);
        outcome.prints(FAR_HOST);
        assert_eq!(proxy.asked().len(), 0, "NO_PROXY={no_proxy}");
    }
    let test = https_test(&authority, Certificate::Right);
    let proxy = Proxy::to(None);
    test.env("HTTPS_PROXY", &proxy.url());
    test.run_json(&[], 0);
    assert_eq!(proxy.asked().len(), 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn proxy_that_refuses_is_a_fault_that_passes() {
    let authority = Authority::new("team");
    let test = proxied_test(&authority);
    let refusing = Proxy::to(None);
    test.env("HTTPS_PROXY", &refusing.url_for("user:pass-word"));
    let (_, outcome) = test.run_json(&["--max-seconds", "1"], 75);
    outcome.prints("proxy").does_not_print("pass-word");
    assert!(!test.status().to_string().contains("pass-word"));
    let willing = Proxy::to(Some(test.receiver.address()));
    test.env("HTTPS_PROXY", &willing.url());
    test.advance(TimeDelta::seconds(3601));
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
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
        let test = ExporterTest::with_sessions(&[1]);
        test.set("endpoint", &test.receiver.endpoint_at(host));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn receiver_that_speaks_no_tls_is_a_fault_that_is_named() {
    let test = ExporterTest::with_sessions(&[1]);
    let tls_at_plain = test.receiver.endpoint().replace("http:", "https:");
    test.set("endpoint", &tls_at_plain);
    let (_, outcome) = test.run_json(&["--max-seconds", "1"], 75);
    outcome.prints(&tls_at_plain).prints("cannot be reached");
    test.set("endpoint", &test.receiver.endpoint());
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}
