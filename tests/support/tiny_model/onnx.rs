//! Just enough of the ONNX protobuf to write a graph by hand.

/// A graph as its protobuf fields, in the order in which they are added.
#[derive(Default)]
pub struct Graph {
    bytes: Vec<u8>,
}

pub enum Attribute<'a> {
    Int(i64),
    Ints(&'a [i64]),
}

/// `float`, `int64` as `TensorProto.DataType` counts them.
pub const FLOAT: u64 = 1;
pub const INT64: u64 = 7;

impl Graph {
    pub fn node(&mut self, kind: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute<'_>)]) {
        let mut node = Vec::new();
        inputs.iter().for_each(|input| string(&mut node, 1, input));
        string(&mut node, 2, output);
        string(&mut node, 3, output);
        string(&mut node, 4, kind);
        for (name, value) in attributes {
            let mut attribute = Vec::new();
            string(&mut attribute, 1, name);
            match value {
                Attribute::Int(value) => {
                    number(&mut attribute, 3, *value as u64);
                    number(&mut attribute, 20, 2);
                }
                Attribute::Ints(values) => {
                    values.iter().for_each(|value| number(&mut attribute, 8, *value as u64));
                    number(&mut attribute, 20, 7);
                }
            }
            message(&mut node, 5, &attribute);
        }
        message(&mut self.bytes, 1, &node);
    }

    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, shape, FLOAT, &raw);
    }

    pub fn ints(&mut self, name: &str, shape: &[usize], values: &[i64]) {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, shape, INT64, &raw);
    }

    fn tensor(&mut self, name: &str, shape: &[usize], kind: u64, raw: &[u8]) {
        let mut tensor = Vec::new();
        shape.iter().for_each(|size| number(&mut tensor, 1, *size as u64));
        number(&mut tensor, 2, kind);
        string(&mut tensor, 8, name);
        message(&mut tensor, 9, raw);
        message(&mut self.bytes, 5, &tensor);
    }

    pub fn input(&mut self, name: &str, kind: u64, shape: &[Option<usize>]) {
        let port = port(name, kind, shape);
        message(&mut self.bytes, 11, &port);
    }

    pub fn output(&mut self, name: &str, kind: u64, shape: &[Option<usize>]) {
        let port = port(name, kind, shape);
        message(&mut self.bytes, 12, &port);
    }

    /// The `.onnx` file.
    pub fn model(mut self) -> Vec<u8> {
        string(&mut self.bytes, 2, "tiny");
        let mut opset = Vec::new();
        number(&mut opset, 2, 13);
        let mut model = Vec::new();
        number(&mut model, 1, 8);
        message(&mut model, 7, &self.bytes);
        message(&mut model, 8, &opset);
        model
    }
}

/// Sizes that are `None` are free, each with a name of its own.
fn port(name: &str, kind: u64, shape: &[Option<usize>]) -> Vec<u8> {
    let mut sizes = Vec::new();
    for (size, free) in shape.iter().zip(["batch", "length", "width"]) {
        let mut dimension = Vec::new();
        match size {
            Some(size) => number(&mut dimension, 1, *size as u64),
            None => string(&mut dimension, 2, free),
        }
        message(&mut sizes, 1, &dimension);
    }
    let (mut tensor, mut kind_of, mut port) = (Vec::new(), Vec::new(), Vec::new());
    number(&mut tensor, 1, kind);
    message(&mut tensor, 2, &sizes);
    message(&mut kind_of, 1, &tensor);
    string(&mut port, 1, name);
    message(&mut port, 2, &kind_of);
    port
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn string(out: &mut Vec<u8>, field: u64, text: &str) {
    message(out, field, text.as_bytes());
}

fn message(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
