//! One graph with its tokenizer: batches in, answers out.

use super::ClassifyError;
use super::decode::{Decoded, Decoder, HeadLogits};
use super::manifest::{Manifest, Tokenizer};
use super::model::Part;
use super::runtime::{Ids, Input, Port, Runtime, Session};
use super::tokenize::Scratch;
use crate::one_line::one_line;
use std::sync::Arc;

/// Lengths of n-gram inputs are padded to a multiple of this, so that the runtime sees few shapes.
const LENGTH_STEP: usize = 16;

/// A session of one worker and its buffers.
pub(super) struct Graph {
    part: Arc<Part>,
    session: Box<dyn Session>,
    decoder: Decoder,
    scratch: Scratch,
    /// Ids of all texts of a batch, one after the other.
    ids: Vec<i32>,
    /// (start, length) in `ids` of each text.
    spans: Vec<(usize, usize)>,
    order: Vec<usize>,
    tensors: Tensors,
    outputs: Outputs,
}

/// What a run is fed with.
#[derive(Default)]
struct Tensors {
    padded: Vec<i32>,
    pieces: Vec<i64>,
    mask: Vec<i64>,
    types: Vec<i64>,
}

/// What is fetched from a run: the heads in the order of `Manifest::outputs`, then the vector if there is one.
struct Outputs {
    names: Vec<String>,
    widths: Vec<usize>,
    values: Vec<Vec<f32>>,
}

impl Graph {
    pub fn open(runtime: &dyn Runtime, part: Arc<Part>) -> Result<Self, ClassifyError> {
        let failed = |message: String| ClassifyError::Session {
            name: part.manifest.name.clone(),
            message: one_line(&message),
        };
        let session = runtime.open(&part.graph()?).map_err(failed)?;
        if let Some(problem) = port_problems(&part.manifest, session.inputs(), session.outputs())
            .into_iter()
            .next()
        {
            return Err(failed(problem));
        }
        let heads = part.manifest.outputs();
        let heads = heads.iter().map(|(_, name, width)| ((*name).to_owned(), *width));
        let vector = part.manifest.vector.iter().map(|v| (v.output.clone(), v.dimension));
        let (names, widths): (Vec<String>, Vec<usize>) = heads.chain(vector).unzip();
        Ok(Self {
            decoder: Decoder::new(&part.manifest),
            session,
            scratch: Scratch::default(),
            ids: Vec::new(),
            spans: Vec::new(),
            order: Vec::new(),
            tensors: Tensors::default(),
            outputs: Outputs {
                values: vec![Vec::new(); names.len()],
                names,
                widths,
            },
            part,
        })
    }

    /// One answer for each text, in order.
    pub fn answer<'t>(
        &mut self,
        count: usize,
        text: impl Fn(usize) -> &'t str,
    ) -> Result<Vec<Option<Decoded>>, ClassifyError> {
        let mut answers = vec![None; count];
        self.run_all(count, text, |decoder, outputs, row, index| {
            answers[index] = Some(decoder.decode(&outputs.logits(), row));
        })?;
        Ok(answers)
    }

    /// One sentence vector for each text, in order; empty ones when the model has none.
    pub fn vectors<'t>(
        &mut self,
        count: usize,
        text: impl Fn(usize) -> &'t str,
    ) -> Result<Vec<Vec<f32>>, ClassifyError> {
        let mut vectors = vec![Vec::new(); count];
        self.run_all(count, text, |_, outputs, row, index| {
            if let (Some(&width), Some(values)) = (outputs.widths.get(5), outputs.values.get(5)) {
                vectors[index] = values[row * width..(row + 1) * width].to_vec();
            }
        })?;
        Ok(vectors)
    }

    /// Runs all texts in groups. What a text gets never depends on the others: n-grams are padded with what adds nothing
    /// to a sum, and pieces are grouped by exact length, so that none are padded.
    fn run_all<'t>(
        &mut self,
        count: usize,
        text: impl Fn(usize) -> &'t str,
        mut take: impl FnMut(&Decoder, &Outputs, usize, usize),
    ) -> Result<(), ClassifyError> {
        self.ids.clear();
        self.spans.clear();
        for index in 0..count {
            let start = self.ids.len();
            self.part
                .encoder
                .encode(text(index), &mut self.scratch, &mut self.ids)
                .map_err(|message| self.failed(&message))?;
            self.spans.push((start, self.ids.len() - start));
        }
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(0..count);
        order.sort_unstable_by_key(|&index| self.spans[index].1);
        let outcome = self.run_in_order(&order, &mut take);
        self.order = order;
        outcome
    }

    fn run_in_order(
        &mut self,
        order: &[usize],
        take: &mut impl FnMut(&Decoder, &Outputs, usize, usize),
    ) -> Result<(), ClassifyError> {
        let batch_texts = self.part.manifest.batch_texts();
        let padded = matches!(self.part.manifest.tokenizer, Tokenizer::HashedNgrams { .. });
        let mut rest = order;
        while let Some(&first) = rest.first() {
            let length = self.spans[first].1;
            let like = rest
                .iter()
                .take(batch_texts)
                .take_while(|&&index| padded || self.spans[index].1 == length)
                .count();
            let (group, others) = rest.split_at(like);
            rest = others;
            self.run(group, padded)?;
            for (row, &index) in group.iter().enumerate() {
                take(&self.decoder, &self.outputs, row, index);
            }
        }
        Ok(())
    }

    fn run(&mut self, group: &[usize], padded: bool) -> Result<(), ClassifyError> {
        let longest = group.iter().map(|&index| self.spans[index].1).max().unwrap_or(0);
        let length = if padded {
            longest.max(1).next_multiple_of(LENGTH_STEP)
        } else {
            longest
        };
        let texts = group.iter().map(|&index| {
            let (start, count) = self.spans[index];
            &self.ids[start..start + count]
        });
        let inputs = self
            .tensors
            .fill(&self.part.manifest.tokenizer, [group.len(), length], texts);
        let Outputs { names, widths, values } = &mut self.outputs;
        let outcome = self.session.run(&inputs, names, values).and_then(|()| {
            for ((name, width), values) in names.iter().zip(&*widths).zip(&*values) {
                if values.len() != group.len() * width {
                    return Err(format!(
                        "output \"{name}\" has {} values for {} texts, must have {width} for each",
                        values.len(),
                        group.len()
                    ));
                }
            }
            Ok(())
        });
        outcome.map_err(|message| self.failed(&message))
    }

    fn failed(&self, message: &str) -> ClassifyError {
        ClassifyError::Session {
            name: self.part.manifest.name.clone(),
            message: one_line(message),
        }
    }
}

impl Tensors {
    fn fill<'a, 'i>(
        &'a mut self,
        tokenizer: &'a Tokenizer,
        shape: [usize; 2],
        texts: impl Iterator<Item = &'i [i32]>,
    ) -> Vec<Input<'a>> {
        let values = shape[0] * shape[1];
        match tokenizer {
            Tokenizer::HashedNgrams { input, .. } => {
                self.padded.clear();
                self.padded.resize(values, 0);
                for (row, ids) in self.padded.chunks_exact_mut(shape[1]).zip(texts) {
                    row[..ids.len()].copy_from_slice(ids);
                }
                vec![Input {
                    name: input,
                    shape,
                    ids: Ids::Int32(&self.padded),
                }]
            }
            Tokenizer::WordPiece { ids, mask, types, .. } | Tokenizer::HuggingFace { ids, mask, types, .. } => {
                self.pieces.clear();
                for text in texts {
                    self.pieces.extend(text.iter().map(|&id| i64::from(id)));
                }
                self.mask.clear();
                self.mask.resize(values, 1);
                self.types.clear();
                self.types.resize(values, 0);
                let input = |name, ids| Input {
                    name,
                    shape,
                    ids: Ids::Int64(ids),
                };
                let mut inputs = vec![input(ids, &self.pieces), input(mask, &self.mask)];
                inputs.extend(types.as_ref().map(|types| input(types, &self.types)));
                inputs
            }
        }
    }
}

impl Outputs {
    fn logits(&self) -> HeadLogits<'_> {
        HeadLogits {
            sentiment: &self.values[0],
            aspects: &self.values[1],
            severity: &self.values[2],
            intent: &self.values[3],
            valid: &self.values[4],
        }
    }
}

/// Everything in which a graph's inputs and outputs are not what the manifest says, each with its key.
pub(super) fn port_problems(manifest: &Manifest, inputs: &[Port], outputs: &[Port]) -> Vec<String> {
    let mut problems = Vec::new();
    let listed = |ports: &[Port]| ports.iter().map(Port::describe).collect::<Vec<_>>().join(", ");
    let element = match manifest.tokenizer {
        Tokenizer::HashedNgrams { .. } => "int32",
        Tokenizer::WordPiece { .. } | Tokenizer::HuggingFace { .. } => "int64",
    };
    let fed = manifest.inputs();
    for (key, name) in &fed {
        match inputs.iter().find(|port| port.name == *name) {
            None => problems.push(format!(
                "the graph has no input \"{name}\" ({key}); it has {}",
                listed(inputs)
            )),
            Some(port) if port.element != element || !matches!(port.shape.len(), 0 | 2) => problems.push(format!(
                "the graph's input is {}, must be {name} {element} [any, any] ({key})",
                port.describe()
            )),
            Some(port) if port.shape.iter().any(Option::is_some) => problems.push(format!(
                "the graph's input is {}, must take any number and length of texts ({key}): export with dynamic axes",
                port.describe()
            )),
            Some(_) => {}
        }
    }
    for port in inputs
        .iter()
        .filter(|port| fed.iter().all(|(_, name)| port.name != *name))
    {
        problems.push(format!(
            "the graph wants an input {} that the manifest does not name ([tokenizer])",
            port.describe()
        ));
    }
    let mut wanted = manifest.outputs();
    wanted.extend(
        manifest
            .vector
            .iter()
            .map(|vector| ("vector.output", vector.output.as_str(), vector.dimension)),
    );
    for (key, name, width) in wanted {
        match outputs.iter().find(|port| port.name == *name) {
            None => problems.push(format!(
                "the graph has no output \"{name}\" ({key}); it has {}",
                listed(outputs)
            )),
            Some(port) if port.element != "float32" || !holds(&port.shape, width) => problems.push(format!(
                "the graph's output is {}, must be {name} float32 [any, {width}] ({key})",
                port.describe()
            )),
            Some(_) => {}
        }
    }
    problems
}

/// Whether a declared shape may hold `width` values for each text; what it does not declare may be anything.
fn holds(shape: &[Option<usize>], width: usize) -> bool {
    match shape {
        [] => true,
        [_] => false,
        [_, sizes @ ..] if sizes.iter().all(Option::is_some) => sizes.iter().flatten().product::<usize>() == width,
        _ => true,
    }
}
