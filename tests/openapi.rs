//! Does `GET /openapi.json` say what HTTP answers? A running service is asked for everything that the description names,
//! and each answer must be one that it describes.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use harness::{PATIENCE, Service, TOKEN, message, settings};
use serde_json::{Value, json};

/// A service, what it says of itself, and which answers were seen.
struct Described {
    service: Service,
    description: Value,
    seen: BTreeSet<(String, String)>,
}

impl Described {
    fn start(settings: &str) -> Self {
        let service = Service::start(settings);
        let description = serde_json::from_str(&service.get("/openapi.json").1).unwrap();
        Self { service, description, seen: BTreeSet::new() }
    }

    /// Asks for `path`, which the description has as `template`, and holds the answer to it: status, type and content.
    fn ask(&mut self, method: &str, template: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(self.service.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&[request.as_bytes(), b"\r\n", body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, content) = answer.split_once("\r\n\r\n").unwrap();
        let (status, head) = (head[9..12].to_owned(), head.to_ascii_lowercase());
        let described = &self.description["paths"][template][method.to_ascii_lowercase()]["responses"][&status];
        assert!(described.is_object(), "{method} {path}: {answer}");
        for (name, _) in described["headers"].as_object().into_iter().flatten() {
            assert!(head.contains(&format!("\r\n{}: ", name.to_ascii_lowercase())), "{method} {path}: {head}");
        }
        self.seen.insert((format!("{method} {template}"), status.clone()));
        let Some((kind, of_kind)) = described["content"].as_object().and_then(|content| content.iter().next()) else {
            return (status.parse().unwrap(), Value::Null);
        };
        assert!(head.contains(&format!("\r\ncontent-type: {kind}")), "{method} {path}: {head}");
        let value = match kind.as_str() {
            "application/json" => serde_json::from_str(content).unwrap(),
            "application/jsonl" => {
                let lines: Vec<Value> = content.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                for line in &lines {
                    self.hold(line, &of_kind["schema"], &format!("{method} {path}"));
                }
                return (status.parse().unwrap(), lines.into());
            }
            _ => content.into(),
        };
        self.hold(&value, &of_kind["schema"], &format!("{method} {path}"));
        (status.parse().unwrap(), value)
    }

    /// Holds a value to a schema, in the few words of JSON Schema that the description uses. What has properties has no
    /// others: an answer that grows must be described.
    fn hold(&self, value: &Value, schema: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/components/schemas/").unwrap();
            return self.hold(value, &self.description["components"]["schemas"][name], at);
        }
        if let Some(either) = schema["oneOf"].as_array() {
            let fits = either
                .iter()
                .find(|one| one["type"] == "null" && value.is_null() || one["type"] != "null" && !value.is_null());
            return self.hold(value, fits.unwrap(), at);
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = |named: &Value| named == kind;
        assert!(
            fits(&schema["type"]) || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(fits)),
            "{at}: {value}"
        );
        assert!(schema["enum"].as_array().is_none_or(|words| words.contains(value)), "{at}: {value}");
        for (place, item) in value.as_array().into_iter().flatten().enumerate() {
            self.hold(item, &schema["items"], &format!("{at}[{place}]"));
        }
        if let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
            let required = schema["required"].as_array().unwrap();
            assert!(required.iter().all(|name| members.contains_key(name.as_str().unwrap())), "{at}: {value}");
            for (name, member) in members {
                let property = properties.get(name).unwrap_or_else(|| panic!("{at}: {name} is not described"));
                self.hold(member, property, &format!("{at}.{name}"));
            }
        }
    }
}

#[test]
fn every_answer_is_as_described() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("dialups");
    std::fs::write(&file, "83.70.211.36 :3:Dynamic $\n").unwrap();
    let list = format!("[[list]]\nname = \"dialups\"\ncode = \"127.0.0.20\"\nfile = {file:?}\ncombined = true\n");
    let few = settings(3).replace("relays = [\"mx1\"]", "relays = [\"mx1\"]\nquota = \"12/d\"");
    let mut described = Described::start(&(few + &list));

    let bearer = format!("Bearer {TOKEN}");
    let samples = "/api/v1/samples";
    let submit = |described: &mut Described, headers: &[(&str, &str)], body: &[u8]| {
        let mut all = vec![("Authorization", bearer.as_str()), ("Content-Type", "message/rfc822")];
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
        described.ask("POST", samples, samples, &all, body)
    };
    let trap = ("Firsthand-Trap", "trap@d0.example");
    for (number, trap) in ["trap@d0.example", "trap@d1.example", "trap@d2.example"].into_iter().enumerate() {
        let (status, taken) = submit(&mut described, &[("Firsthand-Trap", trap)], &message("83.70.211.36", number));
        assert_eq!((status, &taken["evidence"]), (202, &json!("counted")));
    }
    // A bounce with a returned message, a line that nobody reads, and forged lines below ours.
    let forged =
        [message("26.1.2.3", 9), b"Received: from x (y [26.51.100.25]) by z with SMTP; x\nSubject: x\n\n".to_vec()]
            .concat();
    let bounce =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/nature/bounce/05-exchange55-unknown.eml"));
    for body in [forged, bounce.unwrap(), b"Received: x\n\n".to_vec(), b"Subject: x\n\n".to_vec()] {
        assert_eq!(submit(&mut described, &[trap, ("Firsthand-Mail-From", "<>")], &body).0, 202);
    }
    assert_eq!(submit(&mut described, &[("Authorization", "")], b"").0, 401);
    assert_eq!(submit(&mut described, &[("Content-Type", "text/plain"), trap], b"").0, 415);
    assert_eq!(submit(&mut described, &[], b"").0, 400);
    assert_eq!(submit(&mut described, &[("Firsthand-Trap", "x@y.example")], b"").0, 404);
    let lines = |lines: &[Value]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let batch = lines(&[
        json!({"id": "a", "trap": "trap@d0.example", "message": ""}),
        json!({"id": 7, "trap": "x@y.example", "message": ""}),
        json!({"message": "?"}),
    ]);
    let (status, answers) = submit(&mut described, &[("Content-Type", "application/jsonl")], batch.as_bytes());
    let told: Vec<_> = answers.as_array().unwrap().iter().map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!((status, told), (200, vec![202, 404, 400]));
    assert_eq!(submit(&mut described, &[("Content-Type", "multipart/mixed; boundary=b"), trap], b"--b").0, 400);
    while submit(&mut described, &[trap], b"Subject: x\n\n").0 == 202 {}
    let (_, over) = submit(&mut described, &[("Content-Type", "application/jsonl")], batch.as_bytes());
    assert!(over[0]["status"] == 429 && over[0]["retry_after"].is_u64(), "{over}");

    described
        .service
        .wait("to be listed", |service| service.get("/api/v1/addresses/83.70.211.36").1.contains("\"spam\""));
    for (path, status) in [("83.70.211.36", 200), ("2001:db8::1", 200), ("x", 404)] {
        let (found, _) =
            described.ask("GET", "/api/v1/addresses/{address}", &format!("/api/v1/addresses/{path}"), &[], b"");
        assert_eq!(found, status);
        assert_eq!(described.ask("GET", "/address/{address}", &format!("/address/{path}"), &[], b"").0, status);
    }
    let (_, address) = described.ask("GET", "/api/v1/addresses/{address}", "/api/v1/addresses/83.70.211.36", &[], b"");
    assert_eq!(
        (address["listings"].as_array().unwrap().len(), &address["files"][0]["text"]),
        (1, &json!("Dynamic 83.70.211.36"))
    );
    assert_eq!(described.ask("GET", "/", "/", &[], b"").0, 200);
    assert_eq!(described.ask("GET", "/", "/?address=192.0.2.1", &[], b"").0, 303);
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(described.ask("GET", path, path, &[], b"").0, 200);
    }

    // The form's token, from the page of the listed address.
    let page = described.service.get("/address/83.70.211.36").1;
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let removal = "/address/{address}/removal";
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let remove = |described: &mut Described, address: &str, headers: &[(&str, &str)], body: &str| {
        described.ask("POST", removal, &format!("/address/{address}/removal"), headers, body.as_bytes()).0
    };
    assert_eq!(remove(&mut described, "83.70.211.36", &[form], &format!("token={token}")), 202);
    assert_eq!(remove(&mut described, "83.70.211.36", &[form], "token=x"), 403);
    assert_eq!(remove(&mut described, "x", &[form], "token=x"), 404);
    assert_eq!(remove(&mut described, "83.70.211.36", &[], "token=x"), 415);
    assert_eq!(remove(&mut described, "83.70.211.36", &[form], "token=a&token=b"), 422);

    // Nothing is described that was not asked for.
    let paths = described.description["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let asked: BTreeSet<String> = described.seen.iter().map(|(operation, _)| operation.clone()).collect();
    assert_eq!(asked, all.collect());
}
