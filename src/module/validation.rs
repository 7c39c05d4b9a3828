//! Validation, by wasmparser. It counts some things against limits of its own, lower than the standard's; what
//! would meet those is shown to it in another form, or is checked here.

use super::bodies::{Bodies, Common};
use super::error::{DecodeError, Result, position, positions};
use super::plain::PlainModule;
use super::resources::Resources;
use super::{Features, Module};
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::Arc;
use wasmparser::{
    BinaryReader, DataSectionReader, ElementItems, ElementSectionReader, Export,
    ExportSectionReader, ExternalKind, FromReader, FunctionBody, ImportSectionReader, Parser,
    Payload, RefType, SectionLimited, TypeRef, ValidPayload, Validator,
};

/// Size of a module above which it is refused (limit of the JavaScript interface).
pub(super) const MAX_MODULE_SIZE: usize = 1 << 30;
/// How many imports, and how many exports, a module may have (limit of the JavaScript interface).
const MAX_IMPORTS_OR_EXPORTS: u32 = 1_000_000;
/// How many element segments V8 takes.
const MAX_ELEMENT_SEGMENTS: u32 = 10_000_000;
/// How many element segments one validator takes.
const ELEMENT_SEGMENTS: usize = 100_000;

/// The validation of one module. It sees every payload before anybody else does.
pub(super) struct Validation {
    features: Features,
    validator: Validator,
    /// Types of all element segments, where the validator does not know them.
    elements: Option<Arc<[RefType]>>,
    /// Functions that may be named by `ref.func`, ascending; known when bodies come.
    declared: Option<Arc<[u32]>>,
}

impl Validation {
    pub fn new(features: Features) -> Self {
        Self {
            features,
            validator: Validator::new_with_features(features.parser),
            elements: None,
            declared: None,
        }
    }

    /// Checks a payload that is no body; `module` is what those before it said, `bytes` are those of the module up
    /// to the payload's end, at least.
    pub fn payload(&mut self, payload: &Payload<'_>, module: &Module, bytes: &[u8]) -> Result<()> {
        match payload {
            Payload::ImportSection(section) => self.imports(section, bytes),
            Payload::ExportSection(section) => exports(section, module, bytes),
            Payload::ElementSection(section) if section.count() as usize > ELEMENT_SEGMENTS => {
                self.elements(section, module, bytes)
            }
            _ => match self.validator.payload(payload)? {
                ValidPayload::Func(..) => Err(DecodeError::new("a function at a wrong place", 0)),
                _ => Ok(()),
            },
        }
    }

    /// The validator adds up how large the types of imports are. So imported functions and tags are shown to it as
    /// if they were the module's own, which come behind them: it makes no difference between them.
    fn imports(&mut self, section: &ImportSectionReader<'_>, bytes: &[u8]) -> Result<()> {
        let Range { start, end } = positions(&section.range());
        check_count("imports", section.count(), MAX_IMPORTS_OR_EXPORTS, start)?;
        let mut imports = section.clone().into_imports_with_offsets().peekable();
        while let Some(import) = imports.next() {
            let (offset, import) = import?;
            let offset = position(offset);
            match import.ty {
                TypeRef::Func(ty) => {
                    let one = Excerpt::new(1, &leb128(ty), offset);
                    self.validator
                        .function_section(&one.section(self.features)?)?;
                }
                TypeRef::Tag(ty) => {
                    // Behind the attribute of exceptions, the only one.
                    let item = [&[0], leb128(ty.func_type_idx).as_slice()].concat();
                    let one = Excerpt::new(1, &item, offset);
                    self.validator.tag_section(&one.section(self.features)?)?;
                }
                _ => {
                    let end = match imports.peek() {
                        Some(Ok((next, _))) => position(*next),
                        _ => end,
                    };
                    let item = bytes.get(offset..end).unwrap_or_default();
                    let one = Excerpt::new(1, item, offset);
                    self.validator
                        .import_section(&one.section(self.features)?)?;
                }
            }
        }
        Ok(())
    }

    /// Segments do not depend on each other, so each validator is shown as many as it takes.
    fn elements(
        &mut self,
        section: &ElementSectionReader<'_>,
        module: &Module,
        bytes: &[u8],
    ) -> Result<()> {
        let start = position(section.range().start);
        let count = section.count();
        check_count("segment", count, MAX_ELEMENT_SEGMENTS, start)?;
        // All see again what comes before, which shall not take longer than the longest module does.
        let validators = (count as usize).div_ceil(ELEMENT_SEGMENTS);
        if start.saturating_mul(validators) > MAX_MODULE_SIZE {
            let message = "too many segments behind so large declarations";
            return Err(DecodeError::new(message, start));
        }
        let mut offsets = Vec::with_capacity(validators + 1);
        let mut types = Vec::with_capacity(count as usize);
        for (index, item) in section.clone().into_iter_with_offsets().enumerate() {
            let (offset, element) = item?;
            if index % ELEMENT_SEGMENTS == 0 {
                offsets.push(position(offset));
            }
            types.push(match element.items {
                ElementItems::Functions(_) => RefType::FUNC,
                ElementItems::Expressions(ty, _) => ty,
            });
        }
        offsets.push(position(section.range().end));
        for (chunk, types) in offsets.windows(2).zip(types.chunks(ELEMENT_SEGMENTS)) {
            let mut other = Self::new(self.features);
            let mut parser = Parser::new(0);
            parser.set_features(self.features.parser);
            for payload in parser.parse_all(bytes) {
                match payload? {
                    Payload::ElementSection(_) => break,
                    payload => other.payload(&payload, module, bytes)?,
                }
            }
            let items = bytes.get(chunk[0]..chunk[1]).unwrap_or_default();
            let some = Excerpt::new(types.len() as u32, items, chunk[0]);
            other
                .validator
                .element_section(&some.section(self.features)?)?;
        }
        self.elements = Some(types.into());
        Ok(())
    }

    /// Segments about which nothing can be invalid. Their number and place count, so as many are shown that are passive
    /// and empty.
    pub fn plain_segments(&mut self, section: &DataSectionReader<'_>) -> Result<()> {
        let items = [1, 0].repeat(section.count() as usize);
        let plain = Excerpt::new(
            section.count(),
            &items,
            position(section.original_position()),
        );
        Ok(self
            .validator
            .data_section(&plain.section(self.features)?)?)
    }

    /// Has a body validated with the others.
    pub fn body<'a>(
        &mut self,
        body: &FunctionBody<'a>,
        module: &Module,
        bodies: &mut Bodies<'a>,
    ) -> Result<()> {
        let function = self.validator.code_section_entry(body)?;
        // The validator does not know of imported functions.
        let index = function.index + module.imported_functions;
        let Some(ty) = module.functions.get(index as usize) else {
            return Err(DecodeError::new("a body without a function", 0));
        };
        bodies.push(index, *ty, body.clone(), || {
            let declared = self
                .declared
                .get_or_insert_with(|| module.declared_functions().into());
            let resources = Resources {
                validator: function.resources,
                declared: declared.clone(),
                elements: self.elements.clone(),
            };
            Common {
                plain: PlainModule::new(module),
                resources,
                features: function.features,
            }
        });
        Ok(())
    }
}

/// The validator would add up how large the types of exports are. There is little to check.
fn exports(section: &ExportSectionReader<'_>, module: &Module, bytes: &[u8]) -> Result<()> {
    let start = position(section.range().start);
    check_count("exports", section.count(), MAX_IMPORTS_OR_EXPORTS, start)?;
    let mut names = HashMap::new();
    for export in section.clone() {
        let export = export?;
        let name = export.name.as_ptr().addr() - bytes.as_ptr().addr();
        let index = name + export.name.len() + 1;
        let entries = match export.kind {
            ExternalKind::Func => module.functions.len(),
            ExternalKind::Table => module.tables.len(),
            ExternalKind::Memory => module.memories.len(),
            ExternalKind::Global => module.globals.len(),
            ExternalKind::Tag => module.tags.len(),
            ExternalKind::FuncExact => {
                return Err(DecodeError::new("unsupported kind of export", index - 1));
            }
        };
        if export.index as usize >= entries {
            let message = match export.kind {
                ExternalKind::Memory => format!(
                    "invalid exported memory index {} (having {entries} memor{})",
                    export.index,
                    if entries == 1 { "y" } else { "ies" }
                ),
                _ => format!(
                    "{} index {} out of bounds ({entries} entr{})",
                    kind(&export),
                    export.index,
                    if entries == 1 { "y" } else { "ies" }
                ),
            };
            return Err(DecodeError::new(message, index));
        }
        if let Some(first) = names.insert(export.name, export) {
            let message = format!(
                "Duplicate export name '{}' for {} {} and {} {}",
                first.name,
                kind(&first),
                first.index,
                kind(&export),
                export.index
            );
            return Err(DecodeError::new(message, name));
        }
    }
    Ok(())
}

fn kind(export: &Export<'_>) -> &'static str {
    match export.kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}

/// V8's text.
fn check_count(what: &str, count: u32, limit: u32, offset: usize) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    let message = format!("{what} count of {count} exceeds internal limit of {limit}");
    Err(DecodeError::new(message, offset))
}

/// Some items of a section, as a section of their own.
struct Excerpt {
    contents: Vec<u8>,
    /// Where the contents would begin for the items to be at their place.
    offset: u64,
}

impl Excerpt {
    fn new(count: u32, items: &[u8], offset: usize) -> Self {
        let mut contents = leb128(count);
        // Items are preceded by their section's size and count, at least.
        let offset = offset.saturating_sub(contents.len()) as u64;
        contents.extend_from_slice(items);
        Self { contents, offset }
    }

    fn section<'s, T: FromReader<'s>>(
        &'s self,
        features: Features,
    ) -> wasmparser::Result<SectionLimited<'s, T>> {
        let reader = BinaryReader::new_features(&self.contents, self.offset, features.parser);
        SectionLimited::new(reader)
    }
}

fn leb128(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(5);
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
