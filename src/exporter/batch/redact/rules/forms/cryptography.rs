//! Tokens and keys of cryptography, identity and security.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("jwt", &["eyJ"], r"eyJ[A-Za-z0-9_-]{8,}\.\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
        .boundary(Boundary::NoName)
        .source("RFC 7516: JSON Web Encryption", "https://www.rfc-editor.org/rfc/rfc7516")
        .examples("«eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..%{b62:16}.%{b62:80}.%{b62:22}»", "the prefix eyJ"),
    token("jwt", &["ewog", "ew0K", "eyAi", "eyAg"], r"e(?:w[o0]|yA)[A-Za-z0-9_-]{14,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")
        .boundary(Boundary::NoName)
        .source("RFC 7519: JSON Web Token", "https://www.rfc-editor.org/rfc/rfc7519")
        .examples("«eyAidHlwIjogIkpXVCIsICJhbGciOiAiRWREU0EiIH0.eyAi%{b62:80}.%{b62:86}»", "the prefix ewog"),
    token("paserk", &["k1.", "k2.", "k3.", "k4."], r"k[1-4]\.(?:local|secret|seal|(?:local|secret)-(?:wrap|pw))\.[A-Za-z0-9_.-]{32,}")
        .source("PASERK: platform-agnostic serialized keys", "https://github.com/paseto-standard/paserk")
        .examples("«k4.local.%{b62:43}»", "the prefix k1."),
    token("biscuit_key", &["ed25519-private/", "secp256r1-private/"], "(?:ed25519|secp256r1)-private/[0-9a-f]{64}")
        .source("Biscuit: key pairs", "https://doc.biscuitsec.org/")
        .examples("«ed25519-private/%{hex:64}»", "the prefix ed25519-private/"),
    token("biscuit_token", &["biscuit:"], "biscuit:(?P<secret>[A-Za-z0-9_-]{80,}={0,2})")
        .source("Biscuit: tokens", "https://doc.biscuitsec.org/")
        .examples("biscuit:«%{b62:200}»", "the prefix biscuit:"),
    token("iron_token", &["Fe26.2*"], r"Fe26\.2\*[A-Za-z0-9*_~.-]{100,}")
        .source("Iron: sealed objects", "https://hapi.dev/module/iron/")
        .examples("«Fe26.2**%{hex:64}*%{b62:22}*%{b62:80}**%{hex:64}*%{b62:43}~2»", "the prefix Fe26.2*"),
    token("fernet_token", &["gAAAAA"], "gAAAAA[A-Za-z0-9_-]{80,}={0,2}")
        .source("Fernet: tokens", "https://github.com/fernet/spec/blob/master/Spec.md")
        .examples("«gAAAAABm%{b62:112}==»", "the prefix gAAAAA"),
    token("macaroon", &["xvY2F0aW9u"], "MDA[wxyz][A-Za-z0-9]{2}xvY2F0aW9u[A-Za-z0-9+/_-]{60,}={0,2}")
        .prefix(Prefix::Bytes(6))
        .source("Macaroons: the serialized format", "https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt")
        .examples("«MDAxNmxvY2F0aW9uI%{b62:160}»", "xvY2F0aW9u"),
    token("lnd_macaroon", &["AgEDbG5k"], "AgEDbG5k[A-Za-z0-9+/_-]{80,}={0,2}")
        .source("LND: macaroons", "https://docs.lightning.engineering/lightning-network-tools/lnd/macaroons")
        .examples("«AgEDbG5kAv%{b62:200}»", "the prefix AgEDbG5k"),
    token("private_key", &["IBAzCC"], "MII[A-Za-z0-9+/]{3}IBAzCC[A-Za-z0-9+/]{100,}={0,2}")
        .prefix(Prefix::Bytes(6))
        .source("RFC 7292: PKCS #12", "https://www.rfc-editor.org/rfc/rfc7292")
        .examples("«MIIKJAIBAzCC%{b62:600}==»", "IBAzCC"),
    token("private_key", &["BgkqhkiG9w0BBQ0w", "BgkqhkiG9w0BBQMw", "BgkqhkiG9w0BBQow"], "MII[A-Za-z0-9+/]{5}BgkqhkiG9w0BBQ[0Mo]w[A-Za-z0-9+/]{100,}={0,2}")
        .prefix(Prefix::Bytes(8))
        .source("RFC 5958: encrypted private keys", "https://www.rfc-editor.org/rfc/rfc5958#section-3")
        .examples("«MIIFHDBOBgkqhkiG9w0BBQ0w%{b62:600}==»", "BgkqhkiG9w0BBQ0w"),
    token("private_key", &["/u3+7QAAAA"], r"/u3\+7QAAAA[A-Za-z0-9+/]{100,}={0,2}")
        .source("Java: keystore types", "https://docs.oracle.com/en/java/javase/21/docs/specs/security/standard-names.html#keystore-types")
        .examples("«/u3+7QAAAAIAAAAB%{b62:600}==»", "the prefix /u3+7QAAAA"),
    token("private_key", &["MIIB", "MIIC", "MIID", "MIIE", "MIIF", "MIIG", "MIIH", "MIII", "MIIJ", "MIIK", "MIIS", "MHcC", "MHQC", "MIGH", "MIGE", "MIG2", "MIHu", "MIGk", "MIHc", "MC4C", "MFEC", "MEcC"], "M(?:II[B-KS][A-Za-z0-9+/]{2}IBA[A-Za-z0-9+/]{80,}|H(?:cC|QC)AQEE[A-Za-z0-9+/]{100,}|I(?:G[2EH]|Hu)AgEAMB[AM]GByqGSM49[A-Za-z0-9+/]{100,}|I(?:Gk|Hc)AgEBB[A-Za-z0-9+/]{100,}|C4CAQAwBQYDK2V[uw]BCIEI[A-Za-z0-9+/]{42,}|(?:FECAQEw|EcCAQAw)BQYDK2V[A-Za-z0-9+/]{60,})={0,2}")
        .source("RFC 5958: asymmetric key packages", "https://www.rfc-editor.org/rfc/rfc5958")
        .examples("«MIIDfQIBADANBgkqhkiG%{b62:600}==»", "the prefix MIIG"),
    token("private_key", &["302e020100300506032b6570", "3030020100300706052b8104"], "30(?:2e020100300506032b6570|30020100300706052b8104000a)04220420[0-9a-f]{64}")
        .source("Hedera: keys", "https://docs.hedera.com/hedera/core-concepts/keys-and-signatures")
        .examples("«302e020100300506032b657004220420%{hex:64}»", "the prefix 302e020100300506032b6570"),
    token("nix_key", &["-1:", "-2:", "-3:"], "[A-Za-z0-9_-]{1,24}-[0-9]:(?P<secret>[A-Za-z0-9+/]{86}==)")
        .prefix(Prefix::Name { max: 24 })
        .boundary(Boundary::Anything)
        .token_chars(86)
        .source("Nix: signing keys", "https://nix.dev/manual/nix/latest/command-ref/new-cli/nix3-key-generate-secret")
        .examples("cache.example.org-1:«%{b62:86}==»", "cache-1: on"),
    token("crypto_key", &["uprv", "vprv", "Zprv", "Yprv", "Uprv", "Vprv"], "[uvZYUV]prv[A-Za-z0-9]{79,}")
        .source("SLIP 132: registered HD version bytes", "https://github.com/satoshilabs/slips/blob/master/slip-0132.md")
        .examples("«vprv9%{B36:105}»", "the prefix uprv"),
    token("crypto_key", &["EKE", "EKF"], "EK[EF][1-9A-Za-z]{49}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("Mina: keys", "https://docs.minaprotocol.com/node-operators/validator-node/generating-a-keypair")
        .examples("«EKE%{letter:30}7%{letter:18}»", "the prefix EKE"),
    token("django_key", &["django-insecure-"], "django-insecure-[A-Za-z0-9!@#$%^&*()_=+-]{40,}")
        .source("Django: SECRET_KEY", "https://docs.djangoproject.com/en/stable/ref/settings/#secret-key")
        .examples("«django-insecure-%{b36:50}»", "the prefix django-insecure-"),
    token("laravel_key", &["base64:"], "[!-~]{0,23}(?i:key)[=:](?P<secret>base64:[A-Za-z0-9+/]{43}=)")
        .prefix(Prefix::Word { max: 24 })
        .boundary(Boundary::Anything)
        .source("Laravel: encryption", "https://laravel.com/docs/encryption")
        .examples("APP_KEY=«base64:%{b62:43}=»", "the prefix base64:"),
    token("keeper_token", &["US:", "EU:", "AU:", "GOV:", "JP:", "CA:"], "(?:US|EU|AU|GOV|JP|CA):[A-Za-z0-9_-]{43}")
        .boundary(Boundary::NoName)
        .token_chars(43)
        .check(Check::Random)
        .source("Keeper: one-time access tokens", "https://docs.keeper.io/en/keeperpam/secrets-manager/about/one-time-token")
        .examples("«US:%{b62:43}»", "the prefix US:"),
    token("vanta_token", &["vcs_", "vat_"], "(?:vcs_[0-9a-f]{4,10}_[A-Za-z0-9]{24,}|vat_[A-Za-z0-9_]{32,})")
        .check(Check::Random)
        .source("Vanta: API access", "https://developer.vanta.com/docs/api-access-setup")
        .examples("«vcs_%{hex:6}_%{b62:43}»", "the prefix vcs_"),
    token("censys_token", &["censys_"], "censys_[A-Za-z0-9]{8}_[A-Za-z0-9]{24,}")
        .source("Censys: personal access tokens", "https://docs.censys.com/reference/get-started")
        .examples("«censys_%{b62:8}_%{b62:32}»", "the prefix censys_"),
    token("phylum_token", &["ph0_"], "ph0_[A-Za-z0-9_-]{40,}")
        .source("Phylum: API keys", "https://docs.phylum.io/knowledge_base/api_keys")
        .examples("«ph0_%{b62:43}»", "the prefix ph0_"),
    token("deepsource_token", &["dsp_"], "dsp_[0-9a-f]{40}")
        .source("DeepSource: personal access tokens", "https://docs.deepsource.com/docs/developers/api")
        .examples("«dsp_%{hex:40}»", "the prefix dsp_"),
    token("spicedb_token", &["sdbst_h256_", "tc_"], "(?:sdbst_h256_[A-Za-z0-9]{24,}|tc_[a-z0-9_-]{1,60}_[0-9a-f]{60,})")
        .token_chars(24)
        .source("AuthZed: tokens", "https://authzed.com/docs/authzed/guides/setting-up-private-networking")
        .examples("«tc_acme_default_token_%{hex:64}»", "the prefix sdbst_h256_"),
    token("corbado_key", &["corbado1_"], "corbado1_[A-Za-z0-9]{28,}")
        .source("Corbado: API secrets", "https://docs.corbado.com/")
        .examples("«corbado1_%{b62:30}»", "the prefix corbado1_"),
    token("authelia_token", &["authelia_at_", "authelia_rt_", "authelia_ac_"], "authelia_(?:at|rt|ac)_[A-Za-z0-9_.-]{30,}")
        .source("Authelia: OpenID Connect", "https://www.authelia.com/integration/openid-connect/introduction/")
        .examples("«authelia_at_%{b62:43}.%{b62:43}»", "the prefix authelia_at_"),
    token("descope_key", &["K2"], "K2[A-Za-z0-9]{60,}")
        .boundary(Boundary::NoName)
        .token_chars(60)
        .check(Check::Unworded)
        .source("Descope: management keys", "https://docs.descope.com/management")
        .examples("«K2%{b62:64}»", "the prefix K2"),
    token("evervault_key", &["ev:key:1:"], "ev:key:1:[A-Za-z0-9]{30,}(?::[A-Za-z0-9+/]{4,12}){0,2}")
        .source("Evervault: API keys", "https://docs.evervault.com/")
        .examples("«ev:key:1:%{b62:60}:%{b62:6}:%{b62:6}»", "the prefix ev:key:1:"),
    token("basistheory_key", &["key_"], "key_[a-z]{2,6}_[a-z]{2}_(?:pvt|pub)_[A-Za-z0-9.]{20,}")
        .source("Basis Theory: API keys", "https://developers.basistheory.com/docs/api/authentication")
        .examples("«key_prod_us_pvt_%{b62:22}.%{hex:32}»", "the prefix key_"),
    token("oso_token", &["e_0_"], "e_0_[A-Za-z0-9]{10,30}_[A-Za-z0-9]{2,12}_[A-Za-z0-9_-]{20,}")
        .check(Check::Random)
        .source("Oso Cloud: API keys", "https://www.osohq.com/docs")
        .examples("«e_0_%{b62:22}_osoUser_%{hex:32}»", "the prefix e_0_"),
    token("microsoft_token", &["EwA", "EwB", "EwC", "EwD"], "Ew[A-D][A-Za-z0-9+/]{200,}={0,2}")
        .check(Check::Random)
        .source("Microsoft: refresh tokens", "https://learn.microsoft.com/entra/identity-platform/refresh-tokens")
        .examples("«EwB4A%{b62:400}»", "the prefix EwA"),
    token("google_cookie", &["g.a000"], r"g\.a000[A-Za-z0-9_-]{80,}")
        .source("Google: cookies", "https://policies.google.com/technologies/cookies")
        .examples("«g.a000%{b62:147}»", "the prefix g.a000"),
    token("linkedin_token", &["AQE", "AQV", "AQX", "AQW", "AQU", "BQA", "BQB", "BQC", "BQD"], "(?:AQ[EU-X]|BQ[A-D])[A-Za-z0-9_-]{120,}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("LinkedIn: authorization code flow", "https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow")
        .examples("«AQX%{b62:350}»", "the prefix AQE"),
    token("aws_sso_token", &["aoaAAAAA", "aorAAAAA"], "ao[ar]AAAAA[A-Za-z0-9_+/:=-]{80,}")
        .source("AWS IAM Identity Center: OIDC", "https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html")
        .examples("«aorAAAAAGV%{b62:200}»", "the prefix aoaAAAAA"),
    token("aws_ecr_token", &["eyJwYXlsb2FkIjoi"], "eyJwYXlsb2FkIjoi[A-Za-z0-9+/]{100,}={0,2}")
        .source("Amazon ECR: registry authentication", "https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html")
        .examples("«eyJwYXlsb2FkIjoi%{b62:600}==»", "the prefix eyJwYXlsb2FkIjoi"),
    token("proxmox_token", &["PVEAPIToken"], r"PVEAPIToken=(?P<secret>[!-~&&[^=\x22'\\]]{3,80}=[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .source("Proxmox VE: API tokens", "https://pve.proxmox.com/wiki/Proxmox_VE_API#API_Tokens")
        .examples("PVEAPIToken=«root@pam!ci=%{uuid}»", "the prefix PVEAPIToken"),
];
