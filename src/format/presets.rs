//! The mapping files that ship in the binary; `schemas/formats/INDEX` names them.

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every preset.
        pub const ALL: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../schemas/formats/", $name, ".toml")))),*];
    };
}

presets!["jd_comment", "mediacrawler_xhs_comment"];

/// What `format show item` prints: the canonical format is read by code, not by a mapping.
pub const ITEM: &str = include_str!("../../schemas/formats/item.txt");

#[cfg(test)]
mod tests {
    use super::super::Formats;
    use super::*;

    #[test]
    fn index_names_every_preset_that_ships() {
        let index: Vec<&str> = include_str!("../../schemas/formats/INDEX").lines().collect();
        assert_eq!(index, ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn every_preset_compiles_under_its_own_name() {
        let formats = Formats::builtin().unwrap();
        for (name, text) in ALL {
            assert_eq!(formats.show(name), Some(*text));
        }
    }
}
