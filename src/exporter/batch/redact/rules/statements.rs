//! Secrets in SQL, in sentences, in calls of functions, in pipes, and in headers beside `Authorization`.

use crate::exporter::batch::redact::rule::{Boundary, Check, Rule, token};

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
    token("password", &["echo ", "printf "], r#"(?:echo|printf)(?: -[neE]{1,3}| '?%s[\\n]{0,3}'?)? \\*['"]?(?P<secret>[!-~&&[^\x22'\\|;<>]]{6,})\\*['"]? \| (?:sudo -S|sudo [a-z -]{0,30}passwd|passwd --stdin|docker login|podman login|kinit|helm registry login|cryptsetup|gpg|openssl|su |ssh-add|age)"#)
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
];
