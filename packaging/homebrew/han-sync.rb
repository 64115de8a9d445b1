# Formula of version @VERSION@. scripts/package fills in the address and the checksum of the source.
class HanSync < Formula
  desc "Send new coding-agent sessions from han's database to the team's receiver"
  homepage "@HOME@"
  url "@URL@"
  version "@VERSION@"
  sha256 "@SHA256@"
  license "MIT"

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    man1.install "docs/han-sync.1"
    generate_completions_from_executable(bin/"han-sync", "completions", shells: [:bash, :zsh, :fish])
  end

  def caveats
    <<~EOS
      Two minutes to the first session:
        han-sync init
        han-sync install
      The schedule and the hooks name #{opt_bin}/han-sync, so that an upgrade changes nothing.
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/han-sync --version")
    assert_match "NO_DATABASE", shell_output("#{bin}/han-sync doctor --json", 1)
  end
end
