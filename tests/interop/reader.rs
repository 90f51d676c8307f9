use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64_simd::STANDARD;
use jobcrypt::LegacyForm;
use serde_json::json;

use crate::{
    go,
    message::{BOUND, Message, OPTIONAL, Outcome, REQUIRED},
    python,
};

const FIELDS: &str = "fields";

/// A reader and writer in another language: one line asks, one line answers.
pub(crate) struct Reader {
    pub(crate) language: &'static str,
    process: Child,
    lines_in: ChildStdin,
    lines_out: BufReader<ChildStdout>,
}

impl Reader {
    /// Reads and writes tokens and the legacy forms.
    pub(crate) fn python() -> Self {
        Self::start("Python", &mut python::jobcrypt_format())
    }

    /// Reads and writes tokens.
    pub(crate) fn go() -> Self {
        Self::start("Go", &mut Command::new(go::jobcrypt_format()))
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::python(), Self::go()]
    }

    fn start(language: &'static str, program: &mut Command) -> Self {
        let mut process = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program is there and starts");
        let lines_in = process.stdin.take().expect("its input is piped");
        let lines_out = process.stdout.take().expect("its output is piped");
        Self {
            language,
            process,
            lines_in,
            lines_out: BufReader::new(lines_out),
        }
    }

    pub(crate) fn seal(&mut self, message: &Message) -> Vec<u8> {
        self.write("seal", message, "")
    }

    /// Seals the fields of [`Messages::with_fields`](crate::message::Messages::with_fields).
    pub(crate) fn seal_fields(&mut self, message: &Message) -> Vec<u8> {
        self.write("seal", message, FIELDS)
    }

    pub(crate) fn seal_legacy(&mut self, form: LegacyForm, message: &Message) -> Vec<u8> {
        self.write("legacy_seal", message, &format!("{form:?}"))
    }

    pub(crate) fn open(&mut self, message: &Message, stored: &[u8]) -> Outcome {
        self.ask("open", message, "", "stored", stored)
    }

    pub(crate) fn open_legacy(
        &mut self,
        form: LegacyForm,
        message: &Message,
        stored: &[u8],
    ) -> Outcome {
        let form = format!("{form:?}");
        self.ask("legacy_open", message, &form, "stored", stored)
    }

    fn write(&mut self, op: &str, message: &Message, form: &str) -> Vec<u8> {
        self.ask(op, message, form, "args", &message.args)
            .expect("random args can be sealed")
            .expect("a sealed message has bytes")
    }

    pub(crate) fn ask(
        &mut self,
        op: &str,
        message: &Message,
        form: &str,
        name: &str,
        sent: &[u8],
    ) -> Outcome {
        let mut line = json!({
            "op": op,
            "form": form,
            "cipher": message.cipher,
            "key": STANDARD.encode_to_string(message.key),
            "kind": message.kind,
            "namespace": message.namespace,
            "purpose": message.purpose,
            "detail": message.detail,
            "pad": message.pad,
            name: STANDARD.encode_to_string(sent),
        });
        if form == FIELDS {
            line["fields"] = json!({"required": REQUIRED, "optional": OPTIONAL, "bound": BOUND});
        }
        writeln!(self.lines_in, "{line}").expect("it reads");
        let mut answer = String::new();
        self.lines_out.read_line(&mut answer).expect("it answers");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("it answers in JSON");
        match (answer["result"].as_str(), answer["error"].as_str()) {
            (Some(bytes), None) => Ok(Some(STANDARD.decode_to_vec(bytes).expect("base64"))),
            (None, None) => Ok(None),
            (_, Some(class)) => Err(class.to_owned()),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It sleeps on its input, so nothing is lost; the result is of no use to a test that ends.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
