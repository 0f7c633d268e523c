//! `qingting model info`: what a model is.

use super::{ModelChoice, load};
use crate::classify::{Part, Taxonomy};
use std::io::Write;
use std::process::ExitCode;

pub fn run(choice: &ModelChoice) -> anyhow::Result<ExitCode> {
    let model = load(choice)?;
    let reference = model.reference();
    let card = std::fs::read_to_string(model.directory().join("README.md")).ok();
    let mut stdout = std::io::stdout().lock();
    if choice.json {
        let graphs: Vec<serde_json::Value> = model
            .graphs()
            .into_iter()
            .map(|part| {
                serde_json::json!({
                    "manifest": part.manifest,
                    "directory": part.directory,
                    "model_bytes": part.graph_bytes,
                })
            })
            .collect();
        let mut document = serde_json::json!({
            "manifest": model.graphs().first().map(|part| &part.manifest),
            "directory": model.directory(),
            "model_bytes": model.graphs().iter().map(|part| part.graph_bytes).sum::<u64>(),
            "identity": format!("{:016x}", model.identity_hash()),
            "runtime": model.runtime(),
            "onnx_runtime": model.runtime_library(),
        });
        if let Some(cascade) = model.cascade() {
            document["manifest"] = serde_json::to_value(cascade)?;
            document["graphs"] = graphs.into();
        }
        serde_json::to_writer(&mut stdout, &document)?;
        writeln!(stdout)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(stdout, "{reference}")?;
    writeln!(stdout, "directory     {}", model.directory().display())?;
    writeln!(stdout, "identity      {:016x}", model.identity_hash())?;
    match model.runtime_library() {
        Some(library) => writeln!(stdout, "runtime       {} {}", model.runtime(), library.display())?,
        None => writeln!(stdout, "runtime       {}", model.runtime())?,
    }
    if let Some(cascade) = model.cascade() {
        let rules: Vec<String> = cascade
            .cascade
            .pass_on
            .set()
            .map(|(key, value)| format!("{key} {value:.2}"))
            .collect();
        let rules = if rules.is_empty() {
            "never".to_owned()
        } else {
            rules.join(", ")
        };
        writeln!(stdout, "pass on when  {rules}")?;
    }
    for part in model.graphs() {
        if model.cascade().is_some() {
            writeln!(stdout, "\n{} {}", part.manifest.name, part.manifest.version)?;
            writeln!(stdout, "directory     {}", part.directory.display())?;
        }
        describe(&mut stdout, part)?;
    }
    if let Some(card) = card {
        writeln!(stdout, "\n{}", card.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(out: &mut impl Write, part: &Part) -> anyhow::Result<()> {
    let manifest = &part.manifest;
    writeln!(out, "language      {}", manifest.language)?;
    writeln!(out, "graph         {}, {} bytes", manifest.model, part.graph_bytes)?;
    writeln!(out, "sha256        {}", manifest.sha256)?;
    writeln!(out, "tokenizer     {}", serde_json::to_string(&manifest.tokenizer)?)?;
    if let Some(vector) = &manifest.vector {
        writeln!(out, "vector        {}, {} values", vector.output, vector.dimension)?;
    }
    let heads = &manifest.heads;
    for (name, head) in [
        ("sentiment", &heads.sentiment),
        ("severity", &heads.severity),
        ("intent", &heads.intent),
    ] {
        writeln!(out, "{name:<13} {}", head.labels.join(" "))?;
    }
    writeln!(
        out,
        "valid         {} below p(valid) {}",
        heads.valid.labels.join(" "),
        heads.valid.threshold
    )?;
    let aspects: Vec<String> = std::iter::zip(&heads.aspects.labels, &heads.aspects.thresholds)
        .map(|(label, threshold)| {
            let zh = Taxonomy::get().aspect(label).map_or("", |aspect| aspect.zh.as_str());
            format!("{label} {zh} {threshold:.2}")
        })
        .collect();
    writeln!(out, "aspects       {}", aspects.join(", "))?;
    Ok(())
}
