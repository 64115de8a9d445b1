//! The manual page: made from the help, and read by the program that shows it.

use std::fs;
use std::process::Command;

use crate::support::{Sandbox, man_page};

#[test]
fn manual_page_of_the_exporter_is_made_of_its_help() {
    let sandbox = Sandbox::unconfigured();
    let help = |path: &[&str]| sandbox.run(&[path, &["--help"]].concat()).exits(0).stdout;
    man_page::assert_current("han-sync", &help);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/han-sync.1")).unwrap();
    for part in [
        ".SS \"init\"",
        ".BI \\-\\-key\\-file \" KEY-FILE\"",
        ".SS \"uninstall\"",
        ".SH EXIT STATUS",
        ".SH FILES",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[test]
fn manual_pages_are_read_without_a_warning() {
    for program in ["han-sync", "han-sync-receiver"] {
        let page = format!("{}/docs/{program}.1", env!("CARGO_MANIFEST_DIR"));
        match Command::new("groff").args(["-man", "-ww", "-z", "-K", "utf8", &page]).output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success() && said.is_empty(), "{page}: {said}");
            }
            Err(error) => eprintln!("skipped: groff ({error})"),
        }
    }
}
