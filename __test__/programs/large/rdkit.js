'use strict';

// RDKit: chemistry, in C++, by Emscripten with the old instructions of exceptions, which invalid input throws and catches.

const initRDKitModule = require('@rdkit/rdkit');

const MOLECULES = {
  aspirin: 'CC(=O)Oc1ccccc1C(=O)O',
  caffeine: 'CN1C=NC2=C1C(=O)N(C(=O)N2C)C',
  cholesterol: 'CC(C)CCCC(C)C1CCC2C1(CCC3C2CC=C4C3(CCC(C4)O)C)C',
  strychnine: 'C1CN2CC3=CCO[C@H]4CC(=O)N5[C@H]6[C@H]4[C@H]3C[C@H]2[C@@]61C7=CC=CC=C75',
  'no ring': 'C1CC',
  valence: 'C(C)(C)(C)(C)C',
  kekulization: 'c1cccc1',
  text: 'not a molecule',
};

async function main() {
  const rdkit = await initRDKitModule();
  console.log(rdkit.version());
  for (const [name, smiles] of Object.entries(MOLECULES)) {
    const molecule = rdkit.get_mol(smiles);
    if (molecule === null || !molecule.is_valid()) {
      console.log(name, 'is none');
      continue;
    }
    const { exactmw, NumRings, CrippenClogP } = JSON.parse(molecule.get_descriptors());
    console.log(name, molecule.get_smiles(), molecule.get_inchi(), exactmw, NumRings, CrippenClogP);
    console.log(molecule.get_morgan_fp());
    console.log(molecule.get_svg(200, 150));
    molecule.delete();
  }
  const [pattern, whole] = [rdkit.get_qmol('c1ccccc1'), rdkit.get_mol(MOLECULES.aspirin)];
  console.log(whole.get_substruct_matches(pattern));
}

main();
