//! Secrets in SQL, in sentences, in calls of functions, in pipes, and in headers beside `Authorization`.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

/// An argument of a call: a string, or what has neither quotes nor brackets.
macro_rules! call_argument {
    () => {
        r#"[ \t\r\n]{0,40}(?:\\*["'`][^"'`\r\n\\]{0,80}\\*["'`]|[^"'`,()\r\n\\]{1,60}(?:\(\))?)"#
    };
}
/// An argument in quotes that is a secret.
macro_rules! quoted_argument {
    () => {
        r#"\\*(?:"(?P<secret>[^"\r\n\\]{4,80})\\*"|'(?P<secret_2>[^'\r\n\\]{4,80})\\*'|`(?P<secret_3>[^`\r\n\\]{4,80})\\*`)"#
    };
}

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("password", &["echo ", "printf "], r#"(?:echo|printf)(?: -[neE]{1,3}| '?%s[\\n]{0,3}'?)? \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})\\*['"]? \| (?:sudo -S|sudo [a-z -]{0,30}passwd|passwd --stdin|docker login|podman login|kinit|helm registry login|cryptsetup|gpg|openssl|su |ssh-add|age|base64|vncpasswd|docker secret|podman secret|gh secret|gh auth login|kubectl create|wrangler secret|vercel env|fly secrets|flyctl secrets|gcloud secrets|vault |pass insert|sops|ansible-vault|heroku |htpasswd)"#)
        .check(Check::Opaque)
        .source("Docker: docker login", "https://docs.docker.com/reference/cli/docker/login/#password-stdin")
        .examples("echo «%{password}» | docker login -u a --password-stdin h", "echo hello | docker login"),
    token("password", &["echo ", "printf "], r#"(?:echo|printf)(?: -[neE]{1,3}| '?%s[\\n]{0,3}'?)? \\*['"]?[a-z_][A-Za-z0-9_-]{0,31}:(?P<secret>[!-~&&[^\x22'\\|;<>]]{4,})\\*['"]? \| (?:sudo )?chpasswd"#)
        .check(Check::Login)
        .source("shadow: chpasswd", "https://man7.org/linux/man-pages/man8/chpasswd.8.html")
        .examples("echo 'root:«%{password}»' | chpasswd", "echo root | chpasswd"),
    token("password", &["requirepass ", "masterauth ", "AUTH ", "sentinel auth-pass "], r#"(?:requirepass|masterauth|AUTH|sentinel auth-pass [!-~]{1,40}) \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})"#)
        .check(Check::Opaque)
        .source("Redis: security", "https://redis.io/docs/latest/operate/oss_and_stack/management/security/")
        .examples("requirepass «%{password}»", "requirepass foobared; AUTH LOGIN"),
    token("password", &["jdbc:oracle:"], r#"jdbc:oracle:[a-z0-9]{2,8}:[^/[ \t\r\n]:@]{1,64}/(?P<secret>[!-~&&[^@"'\\]]{4,})@"#)
        .check(Check::Login)
        .source("Oracle: JDBC URLs", "https://docs.oracle.com/en/database/oracle/oracle-database/23/jjdbc/data-sources-and-URLs.html")
        .examples("jdbc:oracle:thin:app/«%{b62:12}»@h:1521:x", "jdbc:oracle:thin:@h:1521:x"),
    token("password", &["identified ", "IDENTIFIED ", "Identified "], r#"(?i:identified[ \t\r\n]{1,4}(?:with[ \t\r\n]{1,4}\\*['"`]?[A-Za-z0-9_$]{1,40}\\*['"`]?[ \t\r\n]{1,4})?(?:by|as)[ \t\r\n]{1,4}(?:password[ \t\r\n]{1,4})?)\\*['"](?P<secret>[!-~&&[^'"\\]]{4,200})\\*['"]"#)
        .check(Check::Opaque)
        .source("MySQL: CREATE USER", "https://dev.mysql.com/doc/refman/8.4/en/create-user.html")
        .examples("CREATE USER 'a'@'%' IDENTIFIED WITH mysql_native_password BY '«hunter%{digit:3}»';", "the library is identified by 'name'"),
    token("password", &["identified ", "IDENTIFIED ", "Identified "], r#"(?i:identified[ \t\r\n]{1,4}(?:with[ \t\r\n]{1,4}\\*['"`]?[A-Za-z0-9_$]{1,40}\\*['"`]?[ \t\r\n]{1,4})?(?:by|as)[ \t\r\n]{1,4}(?:password[ \t\r\n]{1,4})?)(?P<secret>[A-Za-z0-9_$#!%*+.-]{6,128})"#)
        .check(Check::Opaque)
        .source("Oracle: CREATE USER", "https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/CREATE-USER.html")
        .examples("CREATE USER a IDENTIFIED BY «hunter%{digit:3}»;", "each row is identified by id_column2"),
    token("password", &["INTO ", "into "], r#"(?i:into[ \t\r\n]{1,4}[A-Za-z0-9_."`\[\]]{1,80}[ \t\r\n]{0,4}\()(?:[A-Za-z0-9_"`\[\] ]{1,40},[ \t\r\n]{0,4}){0,8}?(?i:[A-Za-z0-9_"`\[\]]{0,20}(?:password|passwd|pwd|secret|token|api_key)["`\]]?)(?:,[ \t\r\n]{0,4}[A-Za-z0-9_"`\[\] ]{1,40}){0,8}\)[ \t\r\n]{0,4}(?i:values)[ \t\r\n]{0,4}\((?:[ -~&&[^,()]]{1,80},[ \t\r\n]{0,4}){0,8}?\\*['"](?P<secret>[!-~&&[^'"\\,]]{8,200})\\*['"]"#)
        .check(Check::Opaque)
        .source("PostgreSQL: INSERT", "https://www.postgresql.org/docs/current/sql-insert.html")
        .examples("INSERT INTO users (name, password) VALUES ('a', '«%{password}»');", "INSERT INTO users (name, password) VALUES ('a', ?);"),
    token("password", &["pgp_sym_", "aes_encrypt(", "AES_ENCRYPT(", "aes_decrypt(", "AES_DECRYPT(", "crypt("], r#"(?i:pgp_sym_(?:en|de)crypt(?:_bytea)?|aes_(?:en|de)crypt|crypt)\([ -~&&[^()'"]]{1,80},[ \t\r\n]{0,4}\\*['"](?P<secret>[!-~&&[^'"\\]]{6,200})\\*['"]"#)
        .check(Check::Opaque)
        .source("PostgreSQL: pgcrypto", "https://www.postgresql.org/docs/current/pgcrypto.html")
        .examples("SELECT pgp_sym_decrypt(d, '«hunter%{digit:3}»')", "SELECT crypt(x, 'bf')"),
    token("password", &["use ", "Use "], r#"[Uu]se \\*['"`]?(?P<secret>[!-~&&[^\x22'\\`]]{8,64})\\*['"`]? (?:as|for) (?:the|your|my|our|a) (?:new |temporary |initial )?(?:password|passphrase|token|API key|secret)"#)
        .check(Check::Opaque)
        .source("CWE-798: use of hard-coded credentials", "https://cwe.mitre.org/data/definitions/798.html")
        .examples("use «%{password}» as the password", "use it as the password"),
    token("password", &["login: ", "Login: ", "login with ", "Login with ", "log in with ", "Log in with ", "credentials: ", "Credentials: ", "credentials are ", "creds: ", "Creds: "], r#"(?:[Ll]ogin|[Ll]og in|[Cc]redentials|[Cc]reds)(?:: | with | are )\\*['"`]?[A-Za-z0-9_.@-]{2,40}\\*['"`]?(?: ?/ ?|:| and )\\*['"`]?(?P<secret>[!-~&&[^\x22'\\`/]]{8,64})"#)
        .check(Check::Mixed)
        .source("CWE-798: use of hard-coded credentials", "https://cwe.mitre.org/data/definitions/798.html")
        .examples("login: admin / «%{password}»", "login: admin / password"),
    token("cookie", &["cookie: ", "Cookie: ", "COOKIE: ", "cookie=", "Cookie=", "cookie\\\": \\\"", "cookie\\\":\\\"", "ookie\": \"", "ookie\":\""], r#"(?i:c?ookie)\\*['"]?[:=] ?\\*['"]?(?:[A-Za-z0-9_.-]{1,64}=[!-~&&[^;"'\\]]{0,80}; ?){0,12}?[A-Za-z0-9_.-]{1,64}=(?:s(?:%3A|:))?(?P<secret>[!-~&&[^;"'\\]]{12,})"#)
        .check(Check::Random)
        .boundary(Boundary::Anything)
        .source("RFC 6265: HTTP cookies", "https://www.rfc-editor.org/rfc/rfc6265")
        .examples("Cookie: theme=dark; session=«%{b62:32}»", "Cookie: theme=dark; lang=en"),
    token("cookie", &["-b ", "--cookie ", "--cookie="], r#"(?:-b|--cookie)[ =]\\*['"]?(?:[A-Za-z0-9_.-]{1,64}=[!-~&&[^;"'\\]]{0,80}; ?){0,12}?[A-Za-z0-9_.-]{1,64}=(?P<secret>[!-~&&[^;"'\\]]{12,})"#)
        .check(Check::Random)
        .source("curl: --cookie", "https://curl.se/docs/manpage.html#-b")
        .examples("curl -b \"sessionid=«%{b36:32}»\" https://h", "curl -b cookies.txt"),
    token("authorization", &["response=", "Signature=", "signature="], r#"(?:response|[Ss]ignature)=\\*['"]?(?P<secret>[0-9a-f]{32,128})"#)
        .source("RFC 7616: Digest authentication", "https://www.rfc-editor.org/rfc/rfc7616")
        .examples("Authorization: Digest username=\"x\", response=\"«%{hex:32}»\"", "response=200"),
    token("password", &["sqlplus", "sqlldr", "impdp", "expdp", "rman"], r#"(?:sqlplus|sqlldr|impdp|expdp|rman)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [A-Za-z][A-Za-z0-9_$#]{0,40}/\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>@/]]{4,})"#)
        .check(Check::Opaque)
        .source("Oracle: SQL*Plus", "https://docs.oracle.com/en/database/oracle/oracle-database/23/sqpug/")
        .examples("sqlplus app/«hunter%{digit:3}»", "sqlplus app/"),
    token("password", &["psexec", "wmiexec", "smbexec", "secretsdump", "atexec", "dcomexec"], r#"(?:psexec|wmiexec|smbexec|secretsdump|atexec|dcomexec)[a-z-]{0,10}(?: [!-~&&[^\\|;<>]]{1,80}){0,12}? [!-~&&[^:@]]{1,64}:\\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>@]]{4,}@?[!-~&&[^@]]{0,20}?)@"#)
        .check(Check::Opaque)
        .boundary(Boundary::Anything)
        .source("Impacket", "https://github.com/fortra/impacket")
        .examples("impacket-psexec corp/admin:«%{password}»@10.0.0.1", "psexec host"),
    token("password", &["login(", "Login(", "BasicAuth(", "basicAuth(", "basic_auth(", "HTTPBasicAuth(", "Credentials(", "Credential(", "PasswordAuthentication(", "auth=("], concat!(r"[A-Za-z_]{4,24}=?\(", call_argument!(), r",[ \t\r\n]{0,40}(?:Some\()?", quoted_argument!()))
        .check(Check::Argument)
        .boundary(Boundary::Anything)
        .source("RFC 7617: Basic authentication", "https://www.rfc-editor.org/rfc/rfc7617")
        .examples("smtp.login(\"app\", \"«%{password}»\")", "client.login(\"alice\", \"password\")"),
    token("password", &["bind(", "bind_s(", "auth(", "Auth(", "authenticate(", "userpass("], concat!(r"[A-Za-z_]{4,24}\(", call_argument!(), r",[ \t\r\n]{0,40}(?:Some\()?", quoted_argument!()))
        .check(Check::Mixed)
        .boundary(Boundary::Anything)
        .source("RFC 4513: LDAP authentication", "https://www.rfc-editor.org/rfc/rfc4513")
        .examples("conn.simple_bind_s('cn=admin', '«%{password}»')", "button.bind('click', 'handler')"),
    token("password", &["onnect(", "onnection(", "mysqli(", "PDO(", "sftp(", "Dial(", "ogin("], concat!(r"[A-Za-z_]{3,24}\((?:", call_argument!(), r",){2}[ \t\r\n]{0,40}", quoted_argument!()))
        .check(Check::Mixed)
        .boundary(Boundary::Anything)
        .source("PHP: mysqli", "https://www.php.net/manual/en/mysqli.construct.php")
        .examples("$db = new mysqli(\"db\", \"app\", \"«%{password}»\", \"shop\");", "connect('host', 'user', 'name')"),
    token("password", &["onnect(", "onnection(", "Dial(", "ogin("], concat!(r"[A-Za-z_]{3,24}\((?:", call_argument!(), r",){3}[ \t\r\n]{0,40}", quoted_argument!()))
        .check(Check::Mixed)
        .boundary(Boundary::Anything)
        .source("PHP: mysqli", "https://www.php.net/manual/en/mysqli.construct.php")
        .examples("ssh.connect('db', 22, 'app', '«%{password}»')", "connect('host', 22, 'user', 'name')"),
    token("password", &["login ", "user ", "username ", "userlist "], r#"(?:login|user|username)[ \t]{1,8}\\*["']?[!-~&&[^\\,;]]{1,64}[ \t\r\n]{1,8}(?:privilege [0-9]{1,2} )?(?:insecure-)?(?:password|passwd|pass|secret)[ \t]{1,8}(?:[0-9] )?\\*["']?(?P<secret>[!-~&&[^\x22'\\]]{6,})"#)
        .check(Check::Mixed)
        .source("HAProxy: userlists", "https://docs.haproxy.org/3.0/configuration.html#3.4")
        .examples("  user alice insecure-password «%{password}»", "the user enters a password twice"),
    token("password", &["SETUSER ", "setuser "], r#"(?i:SETUSER) [!-~]{1,64}(?: [!-~&&[^>]]{1,40}){0,8} >(?P<secret>[!-~&&[^\x22'\\]]{4,})"#)
        .check(Check::Argument)
        .source("Redis: access control lists", "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/")
        .examples("ACL SETUSER app on >«%{password}» ~* +@all", "ACL SETUSER app on nopass"),
    token("password", &["sp_addlogin", "sp_password", "sp_addlinkedsrvlogin"], r#"sp_[a-z]{8,20} (?:(?:N?'[^'\r\n]{0,80}'|[A-Za-z0-9]{1,20}), ?){1,4}N?'(?P<secret>[^'\r\n]{4,80})'"#)
        .check(Check::Mixed)
        .source("SQL Server: sp_addlogin", "https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addlogin-transact-sql")
        .examples("EXEC sp_addlogin 'app', '«%{password}»';", "EXEC sp_addlogin 'app', 'master';"),
    token("password", &["assword"], r#"assword[^\r\n]{0,12}[\r\n]{1,4}[ \t]{0,16}send (?:-- )?\\*"(?P<secret>[^"\\\r\n]{4,80})"#)
        .check(Check::Argument)
        .boundary(Boundary::Anything)
        .source("Expect", "https://core.tcl-lang.org/expect/index")
        .examples("expect \"password:\"\nsend \"«%{password}»\\r\"", "expect \"password:\"\nsend \"$password\\r\""),
    token("password", &["snmp-server community "], r"snmp-server community (?P<secret>[!-~&&[^\x22'\\]]{6,64})")
        .check(Check::Opaque)
        .source("Cisco IOS: SNMP", "https://www.cisco.com/c/en/us/td/docs/ios-xml/ios/snmp/command/nm-snmp-cr-book.html")
        .examples("snmp-server community «%{password}» RO", "snmp-server community public RO"),
    token("password", &["echo ", "printf "], r#"(?:echo|printf)(?: -[neE]{1,3}| '?%s[\\n]{0,3}'?)? \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})\\*['"]? >>? ?[!-~&&[^|;<>]]{0,100}(?i:passw|passphrase|pwd|secret|token|api_?key|credential|vault_pass|\.pass|privkey)"#)
        .check(Check::Opaque)
        .source("Docker: secrets", "https://docs.docker.com/engine/swarm/secrets/")
        .examples("echo '«%{password}»' > /run/secrets/db_password", "echo hello > secrets.md"),
    token("password", &["<<< "], r#"<<< \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>$]]{8,})"#)
        .check(Check::Mixed)
        .boundary(Boundary::Anything)
        .source("Bash: here strings", "https://www.gnu.org/software/bash/manual/html_node/Redirections.html")
        .examples("vncpasswd -f <<< «%{password}»", "read -r a <<< \"$line\""),
    token("password", &["@tcp(", "@unix("], r#"[!-~&&[^:@]]{1,100}:(?P<secret>[!-~&&[^@\x22'\\]]{4,100})@(?:tcp|unix)\("#)
        .prefix(Prefix::Word { max: 160 })
        .boundary(Boundary::Anything)
        .check(Check::Login)
        .source("Go MySQL driver: data source names", "https://pkg.go.dev/github.com/go-sql-driver/mysql#readme-dsn-data-source-name")
        .examples("sql.Open(\"mysql\", \"app:«%{b62:14}»@tcp(127.0.0.1:3306)/app\")", "app:password@tcp(127.0.0.1:3306)/app"),
    token("password", &["{PLAIN}", "{CLEARTEXT}", "{plain}"], r"\{[A-Za-z]{5,9}\}(?P<secret>[!-~&&[^:\x22'\\]]{4,100})")
        .boundary(Boundary::Anything)
        .check(Check::Login)
        .source("Dovecot: password schemes", "https://doc.dovecot.org/2.4.0/core/config/auth/schemes.html")
        .examples("alice:{PLAIN}«%{password}»", "the scheme {PLAIN} of Dovecot"),
    token("password", &["]:587", "]:465", "]:25", "]:2525"], r"\]:[0-9]{2,4}[ \t]{1,16}[!-~&&[^:\x22'\\]]{1,80}:(?P<secret>[!-~&&[^\x22'\\]]{4,100})")
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("Postfix: SASL", "https://www.postfix.org/SASL_README.html")
        .examples("[smtp.example.net]:587 alice:«%{password}»", "relayhost = [smtp.example.net]:587"),
    token("password", &["\" * \"", "\"\t*\t\""], r#""[ \t]\*[ \t]"(?P<secret>[!-~&&[^\x22'\\]]{4,100})"[ \t]"#)
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("pppd: secrets files", "https://linux.die.net/man/8/pppd")
        .examples("\"alice\" * \"«%{password}»\" *", "\"a\" * \"b\""),
    token("password", &[": XAUTH \"", ": EAP \"", ": NTLM \"", ": xauth \"", ": eap \""], r#": [A-Za-z]{3,5} "(?P<secret>[^"\\\r\n]{4,100})""#)
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("strongSwan: ipsec.secrets", "https://linux.die.net/man/5/ipsec.secrets")
        .examples("alice : XAUTH \"«%{password}»\"", "alice : EAP \"method\""),
    token("password", &[" on >", " resetpass >", " off >"], r#" (?:on|off|resetpass) >(?P<secret>[!-~&&[^\x22'\\]]{6,100})"#)
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("Redis: access control lists", "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/")
        .examples("user default on >«%{password}» ~* +@all", "the plan is on >the list"),
    token("password", &["PASSWORD FROM ", "password from "], r#"(?i:password from) '[^'\r\n]{0,80}' (?i:to) '(?P<secret>[^'\r\n]{4,80})'"#)
        .check(Check::Opaque)
        .source("Neo4j: managing users", "https://neo4j.com/docs/operations-manual/current/authentication-authorization/manage-users/")
        .examples("ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO '«%{password}»'", "SET PASSWORD FROM 'a' TO 'b'"),
    token("password", &["assword("], concat!(r"assword\(", call_argument!(), r",[ \t\r\n]{0,40}", quoted_argument!()))
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("MongoDB: db.changeUserPassword", "https://www.mongodb.com/docs/manual/reference/method/db.changeUserPassword/")
        .examples("db.changeUserPassword(\"alice\", \"«%{password}»\")", "checkPassword(user, \"password\")"),
    token("password", &["' AS ", "' as "], r#"' (?i:as) [A-Za-z_]{1,40} (?i:key) '(?P<secret>[^'\r\n]{6,80})'"#)
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("SQLCipher: ATTACH", "https://www.zetetic.net/sqlcipher/sqlcipher-api/")
        .examples("ATTACH DATABASE 'x' AS y KEY '«%{password}»';", "SELECT 'a' AS key, 'b' AS value"),
    token("secret", &["jwt.sign(", "jwt.verify(", "jwt.encode(", "jwt.decode(", "JWT.encode(", "JWT.decode(", "JWT::encode(", "JWT::decode(", "createHmac(", "createCipheriv(", "createDecipheriv(", "hash_hmac("], concat!(r"[A-Za-z.:_]{6,24}\((?:", call_argument!(), r"|[ \t\r\n]{0,40}[\[{][^\[\]{}()\r\n]{0,160}[\]}])(?:,", call_argument!(), r")?,[ \t\r\n]{0,40}(?:new Key\()?(?:b|Buffer\.from\()?", quoted_argument!()))
        .check(Check::Opaque)
        .source("RFC 7515: JSON Web Signature", "https://www.rfc-editor.org/rfc/rfc7515")
        .examples("jwt.sign({ id: user.id, role: 1 }, '«%{b62:32}»', { expiresIn: '1h' })", "jwt.verify(token, publicKey, { algorithms: ['RS256'] })"),
    token("secret", &["hmac.new(", "HMAC.new(", "Fernet(", "AES.new(", "AESGCM(", "Secret(", "SecretKeySpec(", "SymmetricKey(", "signWith(", "TimedSerializer("], r#"[A-Za-z.]{4,20}\([ \t\r\n]{0,16}(?:[A-Za-z]{1,12}=)?[bru]{0,2}\\*["'](?P<secret>[^"'\r\n\\]{8,128})\\*["']"#)
        .check(Check::Opaque)
        .boundary(Boundary::Anything)
        .source("RFC 2104: HMAC", "https://www.rfc-editor.org/rfc/rfc2104")
        .examples("hmac.new(b'«%{hex:32}»', body, hashlib.sha256)", "hmac.new(key, body, hashlib.sha256)"),
    token("password", &[".load("], r#"\.load\([^"'\r\n]{1,60},[ ]{0,8}\\*"(?P<secret>[^"\r\n\\]{4,80})\\*"\.toCharArray"#)
        .boundary(Boundary::Anything)
        .check(Check::Login)
        .source("Java: KeyStore", "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/security/KeyStore.html")
        .examples("ks.load(in, \"«%{password}»\".toCharArray());", "ks.load(in, \"password\".toCharArray());"),
    token("password", &["btoa(", "Buffer.from(", "b64encode(", "base64_encode(", "encode64(", "EncodeToString(", "encodeToString(", "ToBase64String("], r#"[A-Za-z0-9_.]{4,20}\((?:\[\]byte\()?[ ]{0,4}b?\\*["'`][A-Za-z0-9_.@+-]{1,64}:(?P<secret>[^"'`\r\n\\ ]{4,80})\\*["'`]"#)
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("RFC 7617: Basic authentication", "https://www.rfc-editor.org/rfc/rfc7617")
        .examples("btoa(\"alice:«%{password}»\")", "btoa(\"user:pass\")"),
    token("secret", &["secret_id", "secret-id", "SECRET_ID", "secretId", "SecretID", "Secret ID", "secret ID", "secret id"], r#"(?i:secret[_ -]?id)\\*["']?[ \t]{0,24}[:=]?[ \t]{0,24}\\*["']?(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"#)
        .boundary(Boundary::Anything)
        .source("HashiCorp Vault: AppRole", "https://developer.hashicorp.com/vault/docs/auth/approle")
        .examples("secret_id             «%{uuid}»", "secret_id_accessor    x"),
    token("recovery_phrase", &["mnemonic", "Seed phrase", "Recovery phrase", "Secret phrase", "Backup phrase", "seed phrase", "seed_phrase", "seed-phrase", "seedPhrase", "recovery phrase", "recovery_phrase", "recoveryPhrase", "secret phrase", "seed words", "backup phrase"], r#"(?i:mnemonic|seed[ _-]?phrase|recovery[ _-]?phrase|secret phrase|seed words|backup phrase)\\*["'`]?[ \t]{0,8}(?:[:=]|=>|is)?[ \t\r\n]{0,8}\\*["'`]?(?P<secret>(?:[a-z]{3,8} ){11,23}[a-z]{3,8})"#)
        .any_case()
        .boundary(Boundary::Anything)
        .source("BIP 39: mnemonic codes", "https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki")
        .examples("MNEMONIC=\"«%{dice} %{dice} %{dice} %{dice} %{dice} %{dice} %{dice} %{dice} %{dice} %{dice} %{dice} %{dice}»\"", "mnemonic: a phrase that is easy to keep in mind"),
    token("recovery_code", &["recovery code", "backup code", "scratch code", "rescue code", "Recovery code", "Backup code", "Scratch code", "Rescue code", "recovery_code", "backup_code", "recoveryCode", "backupCode"], r#"(?i:recovery|backup|scratch|rescue)[ _]?(?i:codes?)\\*["']?[ \t]{0,8}[:=]?[ \t\r\n]{0,8}(?:[\[*•-][ \t\r\n]{0,8})?\\*["']?(?P<secret>(?:[A-Za-z]{0,9}[0-9][A-Za-z0-9]{0,9}-[A-Za-z0-9]{4,10}|[A-Za-z]{4,10}-[A-Za-z]{0,9}[0-9][A-Za-z0-9]{0,9})(?:[\s,"'\[\]*•-]{1,12}[A-Za-z0-9]{4,10}-[A-Za-z0-9]{4,10}){0,19})"#)
        .any_case()
        .boundary(Boundary::Anything)
        .check(Check::NoPlaceholder)
        .source("GitHub: recovery codes", "https://docs.github.com/authentication/securing-your-account-with-two-factor-authentication-2fa/configuring-two-factor-authentication-recovery-methods")
        .examples("Recovery codes:\n  «%{b36:5}-3%{b36:4}\n  %{b36:5}-%{b36:5}»\n", "backup codes: one-time codes"),
    token("password", &["enable secret ", "enable password ", "isakmp key ", "-server key ", "-server host ", "pre-shared-key ", "wpa-psk ", "key-string ", "authentication-key ", "chap password ", "neighbor "], r#"(?:enable (?:secret|password)(?: level [0-9]{1,2})?|isakmp key|-server(?: host [0-9A-Za-z.:-]{1,60})?(?: [a-z-]{2,20} [0-9]{1,5}){0,4} key|pre-shared-key(?: local| remote| ascii-text| address [0-9.]{7,15} key)?|wpa-psk ascii|key-string|authentication-key|chap password|neighbor [0-9a-f.:]{3,40} password) (?:[0-9] )?"?(?P<secret>[!-~&&[^\x22'\\]]{6,64})"#)
        .boundary(Boundary::Anything)
        .check(Check::Opaque)
        .source("Cisco IOS: security commands", "https://www.cisco.com/c/en/us/td/docs/ios-xml/ios/security/a1/sec-a1-cr-book.html")
        .examples("crypto isakmp key «%{b62:16}» address 10.0.0.1", "enable secret level 15"),
    token("authorization", &["Bearer\n", "bearer\n"], r"[Bb]earer\n[ \t>|+#-]{0,16}(?P<secret>[A-Za-z0-9._~+/=-]{20,})")
        .check(Check::Random)
        .source("RFC 6750: bearer tokens", "https://www.rfc-editor.org/rfc/rfc6750")
        .examples("Authorization: Bearer\n  «%{b62:40}»", "Authorization: Bearer\n  token"),
];
