//! tract: ONNX in pure Rust, for places where no shared library may go. Slower than ONNX Runtime, same answers.

use super::{Ids, Input, Port, Runtime, Session};
use crate::one_line::one_line;
use std::path::Path;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{DimLike, Factoid};

#[derive(Debug)]
pub(super) struct Tract;

impl Runtime for Tract {
    fn name(&self) -> &'static str {
        "tract"
    }

    fn library(&self) -> Option<&Path> {
        None
    }

    fn open(&self, graph: &[u8]) -> Result<Box<dyn Session>, String> {
        let model = tract_onnx::onnx().model_for_read(&mut &*graph).map_err(text)?;
        let inputs = ports(&model, model.input_outlets().map_err(text)?);
        let names = ports(&model, model.output_outlets().map_err(text)?)
            .into_iter()
            .map(|port| port.name);
        // what a size that is free becomes is decided in each run
        let model = model.into_optimized().map_err(text)?;
        let outputs = model
            .output_outlets()
            .map_err(text)?
            .iter()
            .zip(names)
            .map(|(outlet, name)| {
                let fact = model.outlet_fact(*outlet).map_err(text)?;
                Ok(Port {
                    name,
                    element: element(fact.datum_type),
                    shape: fact.shape.iter().map(|size| size.to_usize().ok()).collect(),
                })
            })
            .collect::<Result<Vec<Port>, String>>()?;
        Ok(Box::new(TractSession {
            plan: model.into_runnable().map_err(text)?,
            inputs,
            outputs,
        }))
    }
}

struct TractSession {
    plan: Arc<TypedRunnableModel>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Session for TractSession {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, inputs: &[Input<'_>], outputs: &[String], values: &mut [Vec<f32>]) -> Result<(), String> {
        // by the graph's order, which is not the manifest's
        let mut fed: TVec<TValue> = TVec::new();
        for port in &self.inputs {
            let input = inputs
                .iter()
                .find(|input| input.name == port.name)
                .ok_or_else(|| format!("input \"{}\" is not fed", port.name))?;
            let tensor = match input.ids {
                Ids::Int32(ids) => Tensor::from_shape(&input.shape, ids),
                Ids::Int64(ids) => Tensor::from_shape(&input.shape, ids),
            };
            fed.push(tensor.map_err(text)?.into_tvalue());
        }
        let given = self.plan.run(fed).map_err(text)?;
        for (name, values) in outputs.iter().zip(values) {
            let place = self.outputs.iter().position(|port| port.name == *name);
            let tensor = place
                .and_then(|place| given.get(place))
                .ok_or_else(|| format!("the graph gave no output \"{name}\""))?;
            let view = tensor
                .to_plain_array_view::<f32>()
                .map_err(|error| format!("output \"{name}\": {}", text(error)))?;
            values.clear();
            values.extend(view.iter());
        }
        Ok(())
    }
}

fn ports(model: &InferenceModel, outlets: &[OutletId]) -> Vec<Port> {
    outlets
        .iter()
        .map(|outlet| {
            let fact = model.outlet_fact(*outlet).ok();
            Port {
                name: model
                    .outlet_label(*outlet)
                    .map_or_else(|| model.node(outlet.node).name.clone(), str::to_owned),
                element: fact
                    .and_then(|fact| fact.datum_type.concretize())
                    .map_or_else(|| "unknown".to_owned(), element),
                shape: fact
                    .and_then(|fact| fact.shape.concretize())
                    .map(|shape| shape.iter().map(|size| size.to_usize().ok()).collect())
                    .unwrap_or_default(),
            }
        })
        .collect()
}

fn element(kind: DatumType) -> String {
    match kind {
        DatumType::F32 => "float32".to_owned(),
        DatumType::I32 => "int32".to_owned(),
        DatumType::I64 => "int64".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The alternate form of an error with causes names them all, without the stack.
fn text(error: impl std::fmt::Display) -> String {
    one_line(&format!("{error:#}"))
}
