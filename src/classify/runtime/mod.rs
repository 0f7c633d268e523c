//! What runs a graph: ONNX Runtime, or tract in builds that have it. Chosen by `[model] runtime`.
//!
//! Comes in: the bytes of an ONNX file, then tensors of ids. Goes out: the values of the outputs as `f32`. Can fail:
//! with one line from the runtime, which the caller puts the model's name before. No metric moves.

mod onnxruntime;
#[cfg(feature = "tract")]
mod tract;

use super::ClassifyError;
use crate::config::{ModelConfig, ModelRuntime};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// Opens graphs. One for a process's models.
pub(super) trait Runtime: Debug + Send + Sync {
    /// `onnxruntime`, `tract`: the value of `model.runtime`.
    fn name(&self) -> &'static str;

    /// The shared library that was loaded, where there is one.
    fn library(&self) -> Option<&Path>;

    /// A session of one thread.
    fn open(&self, graph: &[u8]) -> Result<Box<dyn Session>, String>;
}

/// One open graph. Its `run` is exclusive: each worker has its own.
pub(super) trait Session: Send {
    fn inputs(&self) -> &[Port];

    fn outputs(&self) -> &[Port];

    /// Runs the graph once; `values[n]` becomes what `outputs[n]` holds, in the order of the tensor.
    fn run(&mut self, inputs: &[Input<'_>], outputs: &[String], values: &mut [Vec<f32>]) -> Result<(), String>;
}

/// A tensor `[texts, length]` for the input of that name.
pub(super) struct Input<'a> {
    pub name: &'a str,
    pub shape: [usize; 2],
    pub ids: Ids<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Ids<'a> {
    Int32(&'a [i32]),
    Int64(&'a [i64]),
}

/// An input or output as the graph declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub name: String,
    /// `int32`, `int64`, `float32` or what the runtime calls it.
    pub element: String,
    /// `None` where any size may stand. Empty where the graph says nothing.
    pub shape: Vec<Option<usize>>,
}

impl Port {
    /// `ids int64 [any, any]`.
    pub fn describe(&self) -> String {
        let sizes: Vec<String> = self
            .shape
            .iter()
            .map(|size| size.map_or_else(|| "any".to_owned(), |size| size.to_string()))
            .collect();
        format!("{} {} [{}]", self.name, self.element, sizes.join(", "))
    }
}

/// The runtime of the configuration, loaded.
pub(super) fn load(config: &ModelConfig) -> Result<Arc<dyn Runtime>, ClassifyError> {
    match config.runtime {
        ModelRuntime::OnnxRuntime => Ok(Arc::new(onnxruntime::OnnxRuntime::load(config)?)),
        #[cfg(feature = "tract")]
        ModelRuntime::Tract => Ok(Arc::new(tract::Tract)),
        #[cfg(not(feature = "tract"))]
        ModelRuntime::Tract => Err(ClassifyError::RuntimeNotBuilt),
    }
}
