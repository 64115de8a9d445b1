//! The platform's side of han-sync. Everything is in `han_sync::receiver`.

fn main() -> std::process::ExitCode {
    han_sync::receiver::cli::main(std::env::args().skip(1).collect())
}
