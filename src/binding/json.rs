//! JSON, written as text from the start: a tree of maps took longer than all else that a module of thousands of
//! exports needs.

use serde_json::{Value, to_writer};

/// A JSON object in the making. Keys are not escaped.
pub struct Object(Vec<u8>);

impl Object {
    /// With one member.
    pub fn new(key: &str, value: Value) -> Self {
        let mut object = Self(Vec::with_capacity(96));
        object.0.push(b'{');
        object.write(key, value);
        object
    }

    pub fn insert(&mut self, key: &str, value: Value) {
        self.0.push(b',');
        self.write(key, value);
    }

    fn write(&mut self, key: &str, value: Value) {
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        // A vector takes what is written, and every value has a text.
        let _ = to_writer(&mut self.0, &value);
    }
}

/// A list of objects.
pub fn list(objects: impl Iterator<Item = Object>) -> String {
    let mut text = Vec::from(b"[");
    for object in objects {
        if text.len() > 1 {
            text.push(b',');
        }
        text.extend_from_slice(&object.0);
        text.push(b'}');
    }
    text.push(b']');
    String::from_utf8(text).unwrap_or_default()
}
