//! Values assigned to names of secrets, such as `password`. Last of all rules, so that a more specific rule names the
//! secret where it can.

use crate::exporter::batch::redact::rule::{Boundary, Check, Rule, Strength, assigned, token};

pub(super) static RULES: &[Rule] = &[
    assigned("password", PASSWORD_NAMES, Strength::Password)
        .source("CWE-798: use of hard-coded credentials", "https://cwe.mitre.org/data/definitions/798.html")
        .examples(
            "\"password\": \"«Tr0ub4dor&%{digit:2}»\"",
            "password: string; password_hash_algorithm = \"argon2id\"",
        ),
    assigned("secret", &["secret", "credential", "credentials", ":_auth"], Strength::Random)
        .source("RFC 6749: client secret", "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1")
        .examples("client_secret: «%{b62:32}»", "secretName: api-tls-cert-2024"),
    assigned("token", &["token"], Strength::Random)
        .source("RFC 6749: access tokens", "https://www.rfc-editor.org/rfc/rfc6749#section-1.4")
        .examples("access_token=«%{b62:40}»", "token = os.environ[\"TOKEN\"]; \"output_tokens\": 1042"),
    assigned("api_key", KEY_NAMES, Strength::Random)
        .source(
            "OWASP: secrets management",
            "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        )
        .examples("const apiKey = '«%{b62:32}»'", "api_key: ${API_KEY}"),
    assigned("key", OTHER_NAMES, Strength::Key)
        .source(
            "OWASP: secrets management",
            "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        )
        .examples("ACME_KEY=«%{b62:32}»", "cache-key: %{b62:32}; the key is in the vault"),
    // Other keys that begin with `sk-`.
    token("api_key", &["sk-"], r"sk-[A-Za-z0-9_-]{24,}")
        .boundary(Boundary::NoName)
        .check(Check::Random)
        .source("OpenRouter: authentication", "https://openrouter.ai/docs/api-reference/authentication")
        .examples("«sk-acme-%{hex:64}»", ".sk-cube-grid-loading-animation {"),
];

/// Keywords of password names.
#[rustfmt::skip]
const PASSWORD_NAMES: &[&str] = &[
    "password", "passwd", "passphrase", "pwd", "passcode", "pass", "pw",
    "passWord", "PassWord", "passPhrase", "PassPhrase", "pass_phrase", "pass-phrase", "pass phrase",
    "passwort", "kennwort", "mot de passe", "Mot de passe", "contraseña", "senha", "wachtwoord", "hasło",
    "heslo", "lösenord", "salasana", "parola", "şifre", "пароль", "密码", "密碼", "口令", "パスワード", "비밀번호",
];

/// Last words of the names of other secrets.
#[rustfmt::skip]
const OTHER_NAMES: &[&str] = &["key", "pat", "salt", "cookie", "auth", "psk", "jwt", "bearer"];

#[rustfmt::skip]
const KEY_NAMES: &[&str] = &[
    "api_key", "api-key", "api key", "apikey", "apiKey", "ApiKey", "APIKey",
    "access_key", "access-key", "accesskey", "accessKey", "AccessKey",
    "account_key", "account-key", "accountKey", "AccountKey",
    "app_key", "app-key", "appKey", "AppKey", "application_key", "applicationKey",
    "auth_key", "auth-key", "authkey", "authKey", "AuthKey",
    "encryption_key", "encryption-key", "encryptionKey", "EncryptionKey",
    "license_key", "licenseKey",
    "master_key", "masterKey", "MasterKey",
    "private_key", "private-key", "privatekey", "privateKey", "PrivateKey",
    "service_key", "serviceKey", "ServiceKey",
    "session_key", "sessionKey",
    "signing_key", "signing-key", "signingKey", "SigningKey",
];
