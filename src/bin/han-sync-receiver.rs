//! `han-sync-receiver`, the server of the team. The program is `han_sync::receiver`.

fn main() -> std::process::ExitCode {
    han_sync::receiver::cli::main(std::env::args().skip(1).collect())
}
