//! Formats of no single provider: private keys, tokens and headers that standards define, and credentials in URLs,
//! connection strings and commands.

use crate::exporter::batch::redact::rule::{Boundary, Check, Documentation, Rule, b64, slash, source, token};

const USER_INFORMATION: Documentation =
    source("RFC 3986: user information", "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1");
const CONNECTION_STRINGS: Documentation = source(
    "Microsoft: connection string syntax",
    "https://learn.microsoft.com/dotnet/framework/data/adonet/connection-string-syntax",
);
const CREATE_USER: Documentation =
    source("MySQL: CREATE USER", "https://dev.mysql.com/doc/refman/8.4/en/create-user.html");

/// A separator of the lines of a key: the line break, plain or escaped, and the number, indentation, quote or bullet of
/// the next line.
macro_rules! between_lines {
    () => {
        r#"(?:[ \t\r\n"',:;|>#*+→-]|\\+["'nrt]|\\+u[0-9A-Fa-f]{4}|[0-9]{1,5}[→:\t])"#
    };
}
/// White space, also escaped.
macro_rules! gap {
    () => {
        r"(?:[ \t\r\n]|\\+[nrt]){1,12}"
    };
}
pub(super) static RULES: &[Rule] = &[
    // The body may be in a string with `\n`, in an array of lines, indented, numbered or quoted, or cut off before
    // its end; a marker without a body is code that searches for keys.
    token(
        "private_key",
        &["-----BEGIN "],
        concat!(
            r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----",
            r#"[A-Za-z0-9_ \t\r\n\\"',:.;|>#*+()=/→-]{1,300}?[A-Za-z0-9+/]{32,}={0,2}"#,
            r"(?:",
            between_lines!(),
            r"{1,24}[A-Za-z0-9+/]{16,}={0,2})*",
            r"(?:(?:",
            between_lines!(),
            r"{1,24}=?[A-Za-z0-9+/]{1,76}={0,2}){0,2}",
            between_lines!(),
            r"{0,24}-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?",
        ),
    )
    .boundary(Boundary::Anything)
    .source(
        "RFC 7468: textual encodings of PKIX and PKCS structures",
        "https://www.rfc-editor.org/rfc/rfc7468",
    )
    .examples(
        "«-----BEGIN PRIVATE KEY-----\\n%{b64:64}\\n%{b64:64}\\n%{b64:20}==\\n-----END PRIVATE KEY-----»",
        "if (pem.startsWith('-----BEGIN PRIVATE KEY-----') && pem.endsWith('-----END PRIVATE KEY-----')) {",
    ),
    // A private key in base64, as Kubernetes and continuous integration store one.
    token(
        "private_key",
        &[
            "LS0tLS1CRUdJTiBQUklWQVRF",
            "LS0tLS1CRUdJTiBSU0Eg",
            "LS0tLS1CRUdJTiBFQyBQ",
            "LS0tLS1CRUdJTiBPUEVO",
            "LS0tLS1CRUdJTiBFTkNSWVBU",
        ],
        concat!("LS0tLS1CRUdJTiB", b64!(), "{60,}={0,2}"),
    )
    .source(
        "Kubernetes: TLS secrets",
        "https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets",
    )
    .examples(
        "tls.key: «LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t%{b64:200}==»",
        "tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM=",
    ),
    token(
        "jwt",
        &["eyJ"],
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,}){0,2}",
    )
    .boundary(Boundary::NoName)
    .source("RFC 7519: JSON Web Token", "https://www.rfc-editor.org/rfc/rfc7519")
    .examples(
        "session «eyJhbGciOiJIUzI1NiJ9.eyJ%{b64url:60}.%{b64url:43}»",
        "data:application/json;base64,eyJ2ZXJzaW9uIjozfQ==",
    ),
    token(
        "authorization",
        &["uthorization", "UTHORIZATION"],
        concat!(
            r#"(?i)uthorization(?:\\*["'`\]])*[ \t]{0,8}"#,
            r#"(?:(?:[:=]|=>)[ \t]{0,8}(?:[bfru@$]{0,2}\\*["'`])?|,[ \t]{0,8}[bfru@$]{0,2}\\*["'`])"#,
            r#"(?:[A-Za-z][A-Za-z0-9-]{2,24}[ \t]{1,4})?(?P<secret>[^\s"'`\\,;<>(){}\[\]]{8,})"#,
        ),
    )
    .boundary(Boundary::Anything)
    .check(Check::Opaque)
    .source("RFC 9110: the Authorization header", "https://www.rfc-editor.org/rfc/rfc9110#name-authorization")
    .examples("curl -H 'Authorization: Bearer «%{b62:32}»'", "headers: { Authorization: `Bearer ${token}` }"),
    token(
        "authorization",
        &["uthorization", "UTHORIZATION"],
        concat!(
            r#"(?i)uthorization(?:\\*["'`\]])*[ \t]{0,8}(?:[:=,]|=>)[ \t]{0,8}(?:\\*["'`])?"#,
            r#"Basic[ \t]{1,4}(?P<secret>(?:[A-Za-z0-9+/]|\\+/){8,}={0,2})"#,
        ),
    )
    .boundary(Boundary::Anything)
    .check(Check::NoPlaceholder)
    .source("RFC 7617: Basic authentication", "https://www.rfc-editor.org/rfc/rfc7617")
    .examples("> Authorization: Basic «%{b64:14}==»", "Authorization: Basic <credentials>"),
    token(
        "authorization",
        &["Bearer ", "bearer ", "BEARER "],
        r"(?i)Bearer[ \t]{1,4}(?P<secret>[A-Za-z0-9._~+/=-]{16,})",
    )
    .check(Check::Random)
    .source("RFC 6750: bearer tokens", "https://www.rfc-editor.org/rfc/rfc6750")
    .examples("headers={'Auth': 'Bearer «%{b62:40}»'}", "a bearer token-based-authentication"),
    token(
        "url_credentials",
        &["://", r":\/\/", r":\\/\\/"],
        concat!(
            r":",
            slash!(),
            r#"{2}[^\s/:@"'`\\<>{}()\[\]|,;]*:(?P<secret>[^\s/"'`\\<>|]+)@[A-Za-z0-9\[_.$%{-]"#
        ),
    )
    .boundary(Boundary::Anything)
    .check(Check::Login)
    .documented(USER_INFORMATION)
    .examples(
        "DATABASE_URL=postgres://app:«%{b62:12}»@db.internal:5432/app",
        "ssh://git@github.com:22/acme/api and http://localhost:3000/@acme/x",
    ),
    // A token in the user's place, as code hosts take it.
    token(
        "url_credentials",
        &["://", r":\/\/", r":\\/\\/"],
        concat!(r":", slash!(), r"{2}(?P<secret>[A-Za-z0-9_.~-]{20,})(?::x-oauth-basic)?@[A-Za-z0-9]"),
    )
    .boundary(Boundary::Anything)
    .check(Check::Random)
    .documented(USER_INFORMATION)
    .examples("git clone https://«%{hex:40}»@git.example.org/acme/api", "https://alice@dev.azure.com/acme"),
    token(
        "connection_string",
        &["server=", "host=", "data source=", "user id=", "uid=", "username=", "user="],
        concat!(
            r"(?i)(?:server|host|data source|user id|uid|username|user)=[ -~&&[^;\x22'=()]]{1,80};",
            r"(?:[A-Za-z_ ]{1,28}=[ -~&&[^;\x22'=()]]{0,64};){0,8}",
            r"[ ]?(?:password|pwd)[ ]?=[ ]?(?P<secret>[^;\s\x22'\\<>()]{4,})",
        ),
    )
    .any_case()
    .check(Check::Login)
    .documented(CONNECTION_STRINGS)
    .examples(
        "Server=tcp:db,1433;Database=app;User ID=app;Password=«hunter%{digit:1}»;Encrypt=True",
        "server=a;user=b;password={password}",
    ),
    token(
        "connection_string",
        &["password=", "pwd="],
        concat!(
            r"(?i)(?:password|pwd)=(?P<secret>[^;\s\x22'\\<>()]{4,});",
            r"(?:[A-Za-z_ ]{1,28}=[ -~&&[^;\x22'=]]{0,64};){0,8}",
            r"[ ]?(?:server|host|data source|database|initial catalog|user id|uid|encrypt|sslmode)="
        ),
    )
    .any_case()
    .check(Check::Login)
    .documented(CONNECTION_STRINGS)
    .examples("Uid=app;Pwd=«hunter%{digit:1}»;Server=db;", "pwd=x; server"),
    token(
        "connection_string",
        &["host=", "hostaddr=", "user=", "dbname="],
        concat!(
            r"(?:host|hostaddr|user|dbname)=[!-~&&[^;\x22'=,()\\]]{1,80} ",
            r"(?:[a-z_]{1,28}=[!-~&&[^;\x22'=,()\\]]{0,64} ){0,8}",
            r"password=(?P<secret>[!-~&&[^\x22',()\\<>]]{4,})",
        ),
    )
    .check(Check::NoPlaceholder)
    .source(
        "PostgreSQL: connection strings",
        "https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING",
    )
    .examples(
        "psql \"host=db.internal user=app password=«hunter%{digit:1}» dbname=app\"",
        "connect(user=None, password=None, host=host)",
    ),
    token(
        "password",
        &[":5432:", ":3306:", ":5433:", ":6432:", ":*:"],
        r":(?:[0-9]{4}|\*):[A-Za-z0-9_*.-]{1,64}:[A-Za-z0-9_*.-]{1,64}:(?P<secret>[^\s:\x22'\\]{4,})",
    )
    .boundary(Boundary::Anything)
    .check(Check::NoPlaceholder)
    .source("PostgreSQL: the password file", "https://www.postgresql.org/docs/current/libpq-pgpass.html")
    .examples("db.internal:5432:app:app:«hunter%{digit:2}»", "ports: 5432:5432 and db:5432:app"),
    token(
        "password",
        &["machine "],
        concat!(
            r"machine[ \t]+[!-~&&[^\x22'\\]]{1,100}",
            gap!(),
            r"login[ \t]+[!-~&&[^\x22'\\]]{1,64}",
            gap!(),
            r"password[ \t]+(?P<secret>[^\s\x22'\\]{4,})",
        ),
    )
    .check(Check::NoPlaceholder)
    .source(
        "GNU inetutils: the .netrc file",
        "https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html",
    )
    .examples(
        "machine git.example.org login alice password «hunter%{digit:2}»",
        "a machine with a login form and a password field",
    ),
    token(
        "password",
        &["IDENTIFIED BY"],
        r"IDENTIFIED BY[ \t]{1,4}(?:PASSWORD[ \t]{1,4})?\\*'(?P<secret>[^\s'\\]{4,})\\*'",
    )
    .check(Check::NoPlaceholder)
    .documented(CREATE_USER)
    .examples("CREATE USER 'app'@'%' IDENTIFIED BY '«hunter%{digit:2}»';", "IDENTIFIED BY '?'"),
    token(
        "password",
        &["identified by"],
        r"identified by[ \t]{1,4}(?:password[ \t]{1,4})?\\*'(?P<secret>[^\s'\\]{4,})\\*'",
    )
    .check(Check::Opaque)
    .documented(CREATE_USER)
    .examples("create user app identified by '«%{password}»'", "the library identified by 'name'"),
    token(
        "password",
        &["ConvertTo-SecureString"],
        r"ConvertTo-SecureString(?: -[A-Za-z]{1,12}){0,3} \\*[\x22'](?P<secret>[^\s\x22'\\$]{4,})",
    )
    .check(Check::NoPlaceholder)
    .source(
        "PowerShell: ConvertTo-SecureString",
        "https://learn.microsoft.com/powershell/module/microsoft.powershell.security/convertto-securestring",
    )
    .examples(
        "ConvertTo-SecureString \"«hunter%{digit:2}»\" -AsPlainText -Force",
        "ConvertTo-SecureString $password",
    ),
    token(
        "registry_credentials",
        &["\"auth"],
        concat!(r#""auth\\*"[ ]?:[ ]?\\*"(?P<secret>"#, b64!(), r"{12,}={0,2})"),
    )
    .boundary(Boundary::Anything)
    .check(Check::Random)
    .source(
        "Docker: credential stores",
        "https://docs.docker.com/reference/cli/docker/login/#credential-stores",
    )
    .examples("{\"auths\":{\"ghcr.io\":{\"auth\":\"«%{b64:54}==»\"}}}", "{\"auth\": \"bearertokenauth\"}"),
    // Other clouds sign in the same way, under names of their own.
    token(
        "signed_url",
        &[
            "X-Amz-Signature",
            "X-Goog-Signature",
            "X-Tos-Signature",
            "x-tos-signature",
            "x-oss-signature",
            "X-Obs-Signature",
            "X-Bce-Signature",
            "q-signature",
        ],
        concat!(
            r"(?i:x-(?:amz|bce|goog|obs|oss|tos)-signature|q-signature)",
            r"(?:=|%3[Dd]|\\+u003[Dd])(?P<secret>[0-9a-f]{40,})",
        ),
    )
    .source(
        "AWS: Signature Version 4 in query parameters",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html",
    )
    .examples("&X-Amz-SignedHeaders=host&X-Amz-Signature=«%{hex:64}»", "X-Amz-Signature=<signature>"),
];
