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
fn wrong_certificates_are_named_each_with_its_remedy_and_nothing_is_sent() {
    let authority = Authority::new("team");
    let namesake = Authority::new("team");
    for (certificate, known, said, not_said) in [
        (Certificate::Right, None, "set caFile to its certificate", "expired"),
        (Certificate::Right, Some(Authority::new("other").pem()), "nor by one in caFile", "its certificate"),
        (Certificate::Right, Some(namesake.pem()), "nor by one in caFile", "expired"),
        (Certificate::Expired, Some(authority.pem()), "expired on 2021-01-01", "caFile"),
        (Certificate::NotYetValid, Some(authority.pem()), "from 2400-01-01", "caFile"),
        (Certificate::OtherHost, Some(authority.pem()), "another name (elsewhere.example)", "caFile"),
        (Certificate::AuthorityAsServer, Some(authority.pem()), "certificate authority", "set caFile"),
        (Certificate::AuthorityAsServer, None, "certificate authority", "set caFile"),
    ] {
        eprintln!("case: {certificate:?}, {said}");
        let test = https_test(&authority, certificate);
        test.set("organizations", "[github.com/acme-corp]");
        match known {
            None => test.unset("caFile"),
            Some(known) => fs::write(test.path("ca.pem"), known).unwrap(),
        }
        let (report, outcome) = test.run_json(&["--max-seconds", "1"], 75);
        outcome.prints("certificate").prints(said).does_not_print(not_said).does_not_print(ALICE_KEY);
        assert_eq!((&report["status"], &report["messagesPending"]), (&json!("error"), &json!(5)), "{report}");
        assert!(test.status()["lastError"].as_str().unwrap().contains("certificate"));
        assert_eq!(test.receiver.request_count(), 0);
        let next = test.retry_at(&report);

        // The certificate is renewed.
        let renewed = TestReceiver::https(authority.server(Certificate::Right));
        fs::write(test.path("ca.pem"), authority.pem()).unwrap();
        test.set("caFile", test.path("ca.pem").to_str().unwrap());
        test.set("endpoint", &renewed.endpoint());
        test.set_now(next + TimeDelta::seconds(1));
        test.run_json(&[], 0);
        test.assert_all_delivered_but(&[], &renewed.alice());
    }
}

#[test]
fn ca_file_is_read_in_the_forms_in_which_tools_write_it() {
    let authority = Authority::new("team");
    let pem = authority.pem().to_owned();
    let der = Certificate::der_of(&pem);
    let trusted = Certificate::trusted_block(&der);
    let utf16 = |text: &str| -> Vec<u8> {
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("byte order mark", [b"\xef\xbb\xbf".as_slice(), pem.as_bytes()].concat()),
        ("Latin-1 comments", [b"# Stammzertifikat f\xfcr M\xfcnchen\n".as_slice(), pem.as_bytes()].concat()),
        ("CR LF, indented", pem.replace('\n', "\r\n  ").into_bytes()),
        ("UTF-16", utf16(&pem)),
        ("TRUSTED CERTIFICATE", trusted.clone().into_bytes()),
        ("both kinds of block", [Authority::new("other").pem(), &trusted].concat().into_bytes()),
        ("X509 CERTIFICATE", pem.replace(" CERTIFICATE", " X509 CERTIFICATE").into_bytes()),
        ("DER", der),
    ];
    for (name, content) in table {
        eprintln!("case: {name}");
        let test = https_test(&authority, Certificate::Right);
        fs::write(test.path("ca.pem"), content).unwrap();
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn ca_file_that_is_none_is_a_matter_of_configuration() {
    let authority = Authority::new("team");
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    let key_as_certificate = key.serialize_pem().replace("PRIVATE KEY", "CERTIFICATE");
    for (name, content) in [
        ("missing.pem", None),
        ("empty.pem", Some(Vec::new())),
        ("text.pem", Some(b"no certificate".to_vec())),
        ("key.der", Some(key.serialize_der())),
        ("key.pem", Some(key.serialize_pem().into_bytes())),
        ("key-as-certificate.pem", Some(key_as_certificate.into_bytes())),
        ("request.der", Some(request.der().to_vec())),
    ] {
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
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
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
fn proxy_is_chosen_as_curl_chooses_one() {
    let authority = Authority::new("team");
    let order = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    for first in 0..order.len() {
        let test = proxied_test(&authority);
        let chosen = Proxy::to(Some(test.receiver.address()));
        let other = Proxy::to(None);
        test.env(order[first], &chosen.url().replace("http://", ""));
        for earlier in &order[..first] {
            test.env(earlier, "");
        }
        for later in order[first + 1..].iter().chain(&["HTTP_PROXY", "http_proxy"]) {
            test.env(later, &other.url());
        }
        test.run_json(&[], 0);
        assert!(!chosen.asked().is_empty() && other.asked().is_empty(), "{}", order[first]);
        test.assert_delivered_without_repeats();
    }
    let test = proxied_test(&authority);
    let other = Proxy::to(Some(test.receiver.address()));
    test.env("HTTP_PROXY", &other.url());
    test.env("http_proxy", &other.url());
    test.run_json(&["--max-seconds", "1"], 75);
    assert!(other.asked().is_empty(), "HTTP_PROXY is not for https");
}

#[test]
fn proxy_key_is_used_without_and_before_the_environment() {
    let authority = Authority::new("team");
    let test = proxied_test(&authority);
    let (chosen, other) = (Proxy::to(Some(test.receiver.address())), Proxy::to(None));
    test.set("proxy", &chosen.url());
    test.env("https_proxy", &other.url());
    test.run_json(&[], 0);
    assert!(!chosen.asked().is_empty() && other.asked().is_empty());
    test.assert_delivered_without_repeats();

    // The environment's is not taken, so that nobody finds the receiver's name.
    let direct = proxied_test(&authority);
    direct.set("proxy", "none");
    direct.env("https_proxy", &chosen.url());
    let asked = chosen.asked().len();
    let (_, outcome) = direct.run_json(&["--max-seconds", "1"], 75);
    outcome.prints("not found");
    assert_eq!(chosen.asked().len(), asked);
}

#[test]
fn proxy_that_cannot_be_used_is_never_a_direct_connection() {
    let authority = Authority::new("team");
    for (name, value) in [
        ("ALL_PROXY", "socks5://user:pass-word@127.0.0.1:1080"),
        ("https_proxy", "SOCKS5h://127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://user:pass-word@127.0.0.1:port"),
        ("all_proxy", "ftp://127.0.0.1:21"),
        ("https_proxy", "http://"),
        ("proxy", "socks4://127.0.0.1:1080"),
        ("proxy", "http://user:pass-word@127.0.0.1:99999"),
    ] {
        // Reachable directly, by a name that is none of this machine's own.
        let test = proxied_test(&authority);
        match name {
            "proxy" => test.set(name, value),
            _ => test.env(name, value),
        }
        let (report, outcome) = test.run_json(&[], 78);
        outcome.prints("proxy").prints(name).does_not_print("pass-word");
        assert_eq!(report["errors"][0]["code"], "CONFIGURATION", "{report}");
        assert_eq!(test.receiver.connection_count(), 0);

        // What needs no proxy is not stopped by it.
        if name != "proxy" {
            test.env("NO_PROXY", FAR_HOST);
            test.run_json(&["--max-seconds", "1"], 75);
        }
    }
}

#[test]
fn proxy_that_wants_credentials_is_named() {
    let authority = Authority::new("team");
    let proxy = Proxy::wanting_credentials();
    for (url, said) in
        [(proxy.url(), "wants credentials"), (proxy.url_for("user:pass-word"), "rejected the credentials")]
    {
        let test = proxied_test(&authority);
        test.env("HTTPS_PROXY", &url);
        let (_, outcome) = test.run_json(&["--max-seconds", "1"], 75);
        outcome
            .prints(&proxy.url())
            .prints("407")
            .prints(said)
            .prints("HTTPS_PROXY")
            .does_not_print("pass-word");
        assert!(!test.status().to_string().contains("pass-word"));
    }
    // One that is not there is named too.
    let test = proxied_test(&authority);
    test.env("HTTPS_PROXY", "http://user:pass-word@127.0.0.1:1");
    let (_, outcome) = test.run_json(&["--max-seconds", "1"], 75);
    outcome.prints("through the proxy http://127.0.0.1:1").does_not_print("pass-word");
}

#[test]
fn no_proxy_and_this_machine_are_reached_without_the_proxy() {
    let authority = Authority::new("team");
    for no_proxy in [
        "receiver.invalid",
        "example.com, receiver.invalid",
        "example.com receiver.invalid",
        ".receiver.invalid",
        "invalid",
        ".invalid",
        "Receiver.Invalid.",
        "*",
    ] {
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
    // The key is for whatever the endpoint is.
    let chosen = Proxy::to(Some(test.receiver.address()));
    test.set("proxy", &chosen.url());
    test.add_messages(&test.sessions[0], 1);
    test.run_json(&[], 0);
    assert!(!chosen.asked().is_empty());
    test.assert_delivered_without_repeats();
}

#[test]
fn no_proxy_takes_ports_and_networks() {
    let authority = Authority::new("team");
    for (host, no_proxy, is_proxied) in [
        (FAR_HOST, "receiver.invalid:PORT", false),
        (FAR_HOST, ".invalid:PORT", false),
        (FAR_HOST, "receiver.invalid:1", true),
        (FAR_HOST, "ceiver.invalid", true),
        ("192.0.2.7", "10.0.0.0/8, 192.0.2.0/24", false),
        ("192.0.2.7", "192.0.2.7:PORT", false),
        ("192.0.2.7", "198.51.100.0/24,192.0.2.8/31", true),
    ] {
        let test = https_test(&authority, Certificate::Right);
        test.set("endpoint", &test.receiver.endpoint_at(host));
        test.set("timeout", "1");
        let proxy = Proxy::to(Some(test.receiver.address()));
        test.env("HTTPS_PROXY", &proxy.url());
        let port = test.receiver.address().port().to_string();
        test.env("no_proxy", &no_proxy.replace("PORT", &port));
        test.run(&["--max-seconds", "2"]);
        assert_eq!(!proxy.asked().is_empty(), is_proxied, "no_proxy={no_proxy} {host}");
    }
}

#[test]
fn proxy_that_cannot_be_used_stops_a_run_to_this_machine_too() {
    for (variable, value) in [("ALL_PROXY", "socks5://127.0.0.1:1080"), ("https_proxy", "http://:80")] {
        let test = ExporterTest::with_sessions(&[2]);
        test.env(variable, value);
        test.run_json(&[], 78).1.prints(variable);
        assert_eq!(test.receiver.connection_count(), 0);
        for (name, value) in [("NO_PROXY", "localhost, 127.0.0.1"), (variable, "")] {
            test.env(name, value);
            test.run_json(&[], 0);
        }
        test.assert_delivered_without_repeats();
    }
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
    // By hand, whatever the backoff: a receiver that is far away is reached by the machine's own clock.
    test.run_json(&["all"], 0);
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
