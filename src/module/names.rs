//! The names that a module's name section gives, looked up when somebody wants to read one.

use super::Module;
use wasmparser::{BinaryReader, Name, NameSectionReader};

impl Module {
    /// The name of the module itself.
    pub fn module_name(&self) -> Option<&str> {
        self.names().find_map(|name| match name {
            Name::Module { name, .. } => Some(name),
            _ => None,
        })
    }

    /// The name of a function.
    pub fn function_name(&self, index: u32) -> Option<&str> {
        self.names().find_map(|name| match name {
            Name::Function(map) => map
                .into_iter()
                .map_while(Result::ok)
                .find(|naming| naming.index == index)
                .map(|naming| naming.name),
            _ => None,
        })
    }

    /// The function whose body contains this offset of the module's bytes.
    pub fn function_at(&self, offset: u32) -> Option<u32> {
        let offset = offset as usize;
        let defined = self.bodies.partition_point(|body| body.end <= offset);
        let body = self.bodies.get(defined)?;
        (body.start <= offset).then_some(self.imported_functions + defined as u32)
    }

    /// Damaged parts have no names.
    fn names(&self) -> impl Iterator<Item = Name<'_>> {
        let section = self.custom_sections.iter().find(|(name, _)| name == "name");
        let range = section.map_or(0..0, |(_, range)| range.clone());
        let reader = BinaryReader::new(self.bytes.get(range).unwrap_or_default(), 0);
        NameSectionReader::new(reader).map_while(Result::ok)
    }
}
