//! What the server holds and says, without any client between.

use std::fs;

use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::Publisher;

impl Publisher<'_> {
    fn agent(&self) -> Agent {
        let ca = fs::read(self.stack.ca()).expect("a certificate");
        let roots = RootCerts::new_with_certs(&[Certificate::from_pem(&ca).expect("a certificate")]);
        let config = Agent::config_builder().tls_config(TlsConfig::builder().root_certs(roots).build());
        config.http_status_as_error(false).proxy(None).build().new_agent()
    }

    fn base(&self, gun: &str) -> String {
        format!("{}/v2/{gun}/_trust/tuf/", self.stack.url())
    }

    /// A file as the server serves it now; `None` where it has none.
    pub fn served(&self, gun: &str, file: &str) -> Option<Vec<u8>> {
        let mut answer = self.agent().get(format!("{}{file}", self.base(gun))).call().expect("the server answers");
        (answer.status() == 200).then(|| answer.body_mut().read_to_vec().expect("a body"))
    }

    /// The same as JSON.
    pub fn served_json(&self, gun: &str, file: &str) -> serde_json::Value {
        serde_json::from_slice(&self.served(gun, file).expect("it is served")).expect("JSON")
    }

    /// Uploads files as any client could: status and what the server said.
    pub fn uploads(&self, gun: &str, files: &[(&str, &[u8])]) -> (u16, String) {
        let boundary = "----a-boundary-of-tests";
        let mut body = vec![];
        for (role, bytes) in files {
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{role}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        let answer = self.agent().post(self.base(gun)).header("Content-Type", kind).send(&body[..]);
        let mut answer = answer.expect("the server answers");
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
    }
}
