//! ONNX Runtime through `ort`: a shared library that is found and loaded at run time.

use super::super::{ClassifyError, locate};
use super::{Ids, Input, Port, Runtime, Session};
use crate::config::ModelConfig;
use crate::one_line::one_line;
use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{SessionInputValue, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct OnnxRuntime {
    environment: Environment,
    library: PathBuf,
}

impl OnnxRuntime {
    pub fn load(config: &ModelConfig) -> Result<Self, ClassifyError> {
        let library = locate::runtime_library(config)?;
        let environment = environment(&library)?;
        Ok(Self { environment, library })
    }
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &'static str {
        "onnxruntime"
    }

    fn library(&self) -> Option<&Path> {
        Some(&self.library)
    }

    fn open(&self, graph: &[u8]) -> Result<Box<dyn Session>, String> {
        let session = ort::session::Session::builder(&self.environment)
            .map_err(text)?
            .with_intra_threads(1)
            .map_err(text)?
            .with_inter_threads(1)
            .map_err(text)?
            .with_optimization_level(GraphOptimizationLevel::Level3)
            .map_err(text)?
            .commit_from_memory(graph)
            .map_err(text)?;
        let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect();
        Ok(Box::new(OrtSession {
            inputs: ports(session.inputs()),
            outputs: ports(session.outputs()),
            session,
        }))
    }
}

struct OrtSession {
    session: ort::session::Session,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Session for OrtSession {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, inputs: &[Input<'_>], outputs: &[String], values: &mut [Vec<f32>]) -> Result<(), String> {
        let fed = inputs
            .iter()
            .map(|input| Ok((input.name, tensor(input)?)))
            .collect::<Result<Vec<(&str, SessionInputValue<'_>)>, String>>()?;
        let given = self.session.run(fed).map_err(text)?;
        for (name, values) in outputs.iter().zip(values) {
            copy(&given, name, values)?;
        }
        Ok(())
    }
}

fn tensor<'a>(input: &Input<'a>) -> Result<SessionInputValue<'a>, String> {
    Ok(match input.ids {
        Ids::Int32(ids) => TensorRef::from_array_view((input.shape, ids)).map_err(text)?.into(),
        Ids::Int64(ids) => TensorRef::from_array_view((input.shape, ids)).map_err(text)?.into(),
    })
}

fn copy(given: &SessionOutputs<'_>, name: &str, values: &mut Vec<f32>) -> Result<(), String> {
    let output = given
        .get(name)
        .ok_or_else(|| format!("the graph gave no output \"{name}\""))?;
    let (_, tensor) = output
        .try_extract_tensor::<f32>()
        .map_err(|error| format!("output \"{name}\": {}", one_line(&error.to_string())))?;
    values.clear();
    values.extend_from_slice(tensor);
    Ok(())
}

fn port(outlet: &Outlet) -> Port {
    let (element, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => (
            match ty {
                TensorElementType::Float32 => "float32".to_owned(),
                TensorElementType::Int32 => "int32".to_owned(),
                TensorElementType::Int64 => "int64".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            },
            shape.iter().map(|size| usize::try_from(*size).ok()).collect(),
        ),
        _ => ("no tensor".to_owned(), Vec::new()),
    };
    Port {
        name: outlet.name().to_owned(),
        element,
        shape,
    }
}

/// The process's one environment. The first library that is loaded stays.
fn environment(library: &Path) -> Result<Environment, ClassifyError> {
    static CURRENT: Mutex<Option<Environment>> = Mutex::new(None);
    let mut current = CURRENT.lock();
    if let Some(environment) = current.as_ref() {
        return Ok(environment.clone());
    }
    let failed = |message: String| ClassifyError::Runtime {
        path: library.to_owned(),
        message,
    };
    let environment = ort::init_from(library)
        .map_err(|error| failed(text(error)))?
        .with_name("qingting")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(text(error)))?;
    *current = Some(environment.clone());
    Ok(environment)
}

fn text(error: impl std::fmt::Display) -> String {
    one_line(&error.to_string())
}
