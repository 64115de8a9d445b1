//! What is no provider's own: keys and tokens in standard formats, credentials in headers and addresses, and values
//! assigned to names that say what they are.

use super::{Check, Left, Rule, Strength, assigned, b64, slash, token};

pub(super) static RULES: &[Rule] = &[
    // The body may be in a string with `\n`, in an array of lines, indented, numbered or quoted, or cut off before its
    // end; a marker without a body is code that looks for one.
    token("private_key", &["-----BEGIN "], concat!(
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----",
        r#"(?:[A-Za-z0-9_ \t\r\n\\"',:.;|>#*+()=/→-]){1,300}?[A-Za-z0-9+/]{32,}={0,2}"#,
        r#"(?:(?:[ \t\r\n"',:;|>#*+→-]|\\+["'nrt]|\\+u[0-9A-Fa-f]{4}|[0-9]{1,5}[→:\t]){1,24}[A-Za-z0-9+/]{16,}={0,2})*"#,
        r#"(?:(?:(?:[ \t\r\n"',:;|>#*+→-]|\\+["'nrt]|\\+u[0-9A-Fa-f]{4}|[0-9]{1,5}[→:\t]){1,24}=?[A-Za-z0-9+/]{1,76}={0,2}){0,2}"#,
        r#"(?:[ \t\r\n"',:;|>#*+→]|\\+["'nrt]|\\+u[0-9A-Fa-f]{4}|[0-9]{1,5}[→:\t]){0,24}-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?"#,
    ))
    .left(Left::Anything)
    .source("RFC 7468: textual encodings of PKIX and PKCS structures, https://www.rfc-editor.org/rfc/rfc7468")
    .examples(
        "«-----BEGIN PRIVATE KEY-----\\n%{b64:64}\\n%{b64:64}\\n%{b64:20}==\\n-----END PRIVATE KEY-----»",
        "if (pem.startsWith('-----BEGIN PRIVATE KEY-----') && pem.endsWith('-----END PRIVATE KEY-----')) {",
    ),
    // In base 64, as Kubernetes and continuous integration store it.
    token("private_key", &["LS0tLS1CRUdJTiBQUklWQVRF", "LS0tLS1CRUdJTiBSU0Eg", "LS0tLS1CRUdJTiBFQyBQ", "LS0tLS1CRUdJTiBPUEVO", "LS0tLS1CRUdJTiBFTkNSWVBU"], concat!(
        "LS0tLS1CRUdJTiB", b64!(), "{60,}={0,2}"
    ))
    .source("Kubernetes: TLS secrets, https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets")
    .examples("tls.key: «LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t%{b64:200}==»", "tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM="),
    token("jwt", &["eyJ"], r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,}){0,2}")
        .left(Left::NoName)
        .source("RFC 7519: JSON Web Token, https://www.rfc-editor.org/rfc/rfc7519")
        .examples("session «eyJhbGciOiJIUzI1NiJ9.eyJ%{b64url:60}.%{b64url:43}»", "data:application/json;base64,eyJ2ZXJzaW9uIjozfQ=="),
    token("authorization", &["uthorization", "UTHORIZATION"], concat!(
        r#"(?i)uthorization(?:\\*["'`\]])*[ \t]{0,8}(?:(?:[:=]|=>)[ \t]{0,8}(?:[bfru@$]{0,2}\\*["'`])?|,[ \t]{0,8}[bfru@$]{0,2}\\*["'`])"#,
        r#"(?:[A-Za-z][A-Za-z0-9-]{2,24}[ \t]{1,4})?(?P<secret>[^\s"'`\\,;<>(){}\[\]]{8,})"#,
    ))
    .left(Left::Anything)
    .check(Check::Opaque)
    .source("RFC 9110: the Authorization header, https://www.rfc-editor.org/rfc/rfc9110#name-authorization")
    .examples("curl -H 'Authorization: Bearer «%{b62:32}»'", "headers: { Authorization: `Bearer ${token}` }"),
    token("authorization", &["uthorization", "UTHORIZATION"], concat!(
        r#"(?i)uthorization(?:\\*["'`\]])*[ \t]{0,8}(?:[:=,]|=>)[ \t]{0,8}(?:\\*["'`])?"#,
        r#"Basic[ \t]{1,4}(?P<secret>(?:[A-Za-z0-9+/]|\\+/){8,}={0,2})"#,
    ))
    .left(Left::Anything)
    .check(Check::NoPlaceholder)
    .source("RFC 7617: Basic authentication, https://www.rfc-editor.org/rfc/rfc7617")
    .examples("> Authorization: Basic «%{b64:14}==»", "Authorization: Basic <credentials>"),
    token("authorization", &["Bearer ", "bearer ", "BEARER "], r"(?i)Bearer[ \t]{1,4}(?P<secret>[A-Za-z0-9._~+/=-]{16,})")
        .check(Check::Random)
        .source("RFC 6750: bearer tokens, https://www.rfc-editor.org/rfc/rfc6750")
        .examples("headers={'Auth': 'Bearer «%{b62:40}»'}", "a bearer token-based-authentication"),
    token("url_credentials", &["://", r":\/\/", r":\\/\\/"], concat!(
        r":", slash!(), r#"{2}[^\s/:@"'`\\<>{}()\[\]|,;]*:(?P<secret>[^\s/"'`\\<>|]+)@[A-Za-z0-9\[_.$%{-]"#
    ))
    .left(Left::Anything)
    .check(Check::NoPlaceholder)
    .source("RFC 3986: user information, https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1")
    .examples("DATABASE_URL=postgres://app:«%{b62:12}»@db.internal:5432/app", "ssh://git@github.com:22/acme/api and http://localhost:3000/@acme/x"),
    // A token in the user's place, as code hosts take it.
    token("url_credentials", &["://", r":\/\/", r":\\/\\/"], concat!(
        r":", slash!(), r"{2}(?P<secret>[A-Za-z0-9_.~-]{20,})(?::x-oauth-basic)?@[A-Za-z0-9]"
    ))
    .left(Left::Anything)
    .check(Check::Random)
    .source("RFC 3986: user information, https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1")
    .examples("git clone https://«%{hex:40}»@git.example.org/acme/api", "https://alice@dev.azure.com/acme"),
    token("connection_string", &["server", "host", "data source", "user id", "uid", "username", "user"], concat!(
        r"(?i)(?:server|host|data source|user id|uid|username|user)[ ]?=[ -~&&[^;\x22'=()]]{1,100};",
        r"(?:[A-Za-z_ ]{1,32}=[ -~&&[^;\x22'=()]]{0,100};){0,8}[ ]?(?:password|pwd)[ ]?=[ ]?(?P<secret>[^;\s\x22'\\<>()]{4,})"
    ))
    .any_case()
    .check(Check::NoPlaceholder)
    .source("Microsoft: connection string syntax, https://learn.microsoft.com/dotnet/framework/data/adonet/connection-string-syntax")
    .examples("Server=tcp:db,1433;Database=app;User ID=app;Password=«hunter%{digit:1}»;Encrypt=True", "server=a;user=b;password={password}"),
    token("connection_string", &["password=", "pwd="], concat!(
        r"(?i)(?:password|pwd)=(?P<secret>[^;\s\x22'\\<>()]{4,});(?:[A-Za-z_ ]{1,32}=[ -~&&[^;\x22'=]]{0,100};){0,6}",
        r"[ ]?(?:server|host|data source|database|initial catalog|user id|uid|encrypt|sslmode|trustservercertificate)="
    ))
    .any_case()
    .check(Check::NoPlaceholder)
    .source("Microsoft: connection string syntax, https://learn.microsoft.com/dotnet/framework/data/adonet/connection-string-syntax")
    .examples("Uid=app;Pwd=«hunter%{digit:1}»;Server=db;", "pwd=x; server"),
    token("connection_string", &["host=", "hostaddr=", "user=", "dbname="], concat!(
        r"(?:host|hostaddr|user|dbname)=[!-~&&[^;\x22'=,()\\]]{1,100} (?:[a-z_]{1,32}=[!-~&&[^;\x22'=,()\\]]{0,100} ){0,8}",
        r"password=(?P<secret>[!-~&&[^\x22',()\\<>]]{4,})"
    ))
    .check(Check::NoPlaceholder)
    .source("PostgreSQL: connection strings, https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING")
    .examples("psql \"host=db.internal user=app password=«hunter%{digit:1}» dbname=app\"", "connect(user=None, password=None, host=host)"),
    token("password", &["machine "], concat!(
        r"machine[ \t]+[!-~&&[^\x22'\\]]{1,100}(?:[ \t\r\n]|\\+[nrt]){1,12}login[ \t]+[!-~&&[^\x22'\\]]{1,64}",
        r"(?:[ \t\r\n]|\\+[nrt]){1,12}password[ \t]+(?P<secret>[^\s\x22'\\]{4,})"
    ))
        .check(Check::NoPlaceholder)
        .source("GNU inetutils: the .netrc file, https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html")
        .examples("machine git.example.org login alice password «hunter%{digit:2}»", "login form password field"),
    token("password", &["IDENTIFIED BY", "identified by"], r"(?i)identified by[ \t]{1,4}(?:password[ \t]{1,4})?\\*'(?P<secret>[^\s'\\]{4,})\\*'")
        .check(Check::NoPlaceholder)
        .source("MySQL: CREATE USER, https://dev.mysql.com/doc/refman/8.4/en/create-user.html")
        .examples("CREATE USER 'app'@'%' IDENTIFIED BY '«hunter%{digit:2}»';", "identified by 'its' name"),
    token("password", &["mysql", "mariadb"], r"(?:mysql(?:dump|admin|import|sh)?|mariadb(?:-dump)?)(?: [!-~&&[^\x22'\\|;<>]]{1,60}){0,12} -p(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})")
        .check(Check::Opaque)
        .source("MySQL: connecting with command options, https://dev.mysql.com/doc/refman/8.4/en/connecting.html")
        .examples("mysqldump -h db -u root -p«%{password}» app > dump.sql", "mysql -h db -u root -p app"),
    token("password", &["curl "], r"curl(?: [!-~&&[^|;]]{1,120}){0,24}? (?:-[a-zA-Z]{0,4}u|--user|--proxy-user)[ =]?\\*[\x22']?[^\s:\x22'\\]{1,80}:(?P<secret>[^\s\x22'\\]{4,})")
    .check(Check::NoPlaceholder)
    .source("curl: --user, https://curl.se/docs/manpage.html#-u")
    .examples("curl -s -u admin:«hunter%{digit:2}» https://ci.example.org/api", "curl -u \"$USER:$PASS\" https://ci.example.org"),
    token("signed_url", &["X-Amz-Signature", "X-Goog-Signature"], r"X-(?:Amz|Goog)-Signature(?:=|\\+u003[Dd])(?P<secret>[0-9a-f]{64,})")
        .source("AWS Signature Version 4 in query parameters, https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html")
        .examples("&X-Amz-SignedHeaders=host&X-Amz-Signature=«%{hex:64}»", "X-Amz-Signature=<signature>"),
    assigned("password", &["password", "passwd", "passphrase", "pwd", "_pass", "\"pass", "'pass", "dbpass"], Strength::Password)
        .source("CWE-798: use of hard-coded credentials, https://cwe.mitre.org/data/definitions/798.html")
        .examples("\"password\": \"«Tr0ub4dor&%{digit:2}»\"", "password: string; password_hash_algorithm = \"argon2id\""),
    assigned("secret", &["secret", "credential", "credentials", ":_auth"], Strength::Random)
        .source("RFC 6749: client secret, https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1")
        .examples("client_secret: «%{b62:32}»", "secretName: api-tls-cert-2024"),
    assigned("token", &["token"], Strength::Random)
        .source("RFC 6749: access tokens, https://www.rfc-editor.org/rfc/rfc6749#section-1.4")
        .examples("access_token=«%{b62:40}»", "token = os.environ[\"TOKEN\"]; \"output_tokens\": 1042"),
    assigned("api_key", &[
        "api_key", "api-key", "apikey", "apiKey", "ApiKey", "APIKey", "access_key", "access-key", "accesskey",
        "accessKey", "AccessKey", "auth_key", "auth-key", "authkey", "authKey", "AuthKey", "private_key", "private-key",
        "privatekey", "privateKey", "PrivateKey", "encryption_key", "encryption-key", "encryptionKey", "EncryptionKey",
        "signing_key", "signing-key", "signingKey", "SigningKey", "account_key", "account-key", "accountKey", "AccountKey",
        "app_key", "app-key", "appKey", "AppKey", "application_key", "applicationKey", "master_key", "masterKey",
        "MasterKey", "service_key", "serviceKey", "ServiceKey", "session_key", "sessionKey", "license_key", "licenseKey",
    ], Strength::Random)
        .source("OWASP: secrets management, https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html")
        .examples("const apiKey = '«%{b62:32}»'", "api_key: ${API_KEY}"),
    // Everything else that its makers begin with `sk-`.
    token("api_key", &["sk-"], r"sk-[A-Za-z0-9_-]{24,}")
        .check(Check::Random)
        .source("OpenRouter: authentication, https://openrouter.ai/docs/api-reference/authentication")
        .examples("«sk-or-v1-%{hex:64}»", ".sk-cube-grid-loading-animation {"),
];
