// A linear model of field gradients: ions and molecules whose bonds let charge flow and whose ligands are polarised,
// and short-ranged tensors of the ligands around a centre.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "ufp/bspline.hpp"
#include "ufp/cell_list.hpp"
#include "ufp/invariant_kernel.hpp"
#include "ufp/lattice_sum.hpp"

namespace ufp
{

// A ligand belongs to the nearest atom that a bond names as its centre, if one is within the cutoff.
struct MolecularBond {
  int centre, ligand;     // species
  double cutoff, length;  // Å; the length from which the bond is counted as stretched
};

struct PolarisableSpec {
  std::vector<MolecularBond> bonds;
  std::vector<double> charges;     // e, by species: the charges whose field acts at the centre of a tensor
  double first = 1.5, cutoff = 6;  // Å, of the splines of the short range
  int splines = 8;                 // intervals between them, and functions: they end at 0 with two derivatives
  double tolerance = ewald_tolerance;
  int surroundings = 0;          // splines of the vectors around a ligand; 0: neither those nor ligands without a bond
  InvariantKernelSpec kernel{};  // its kinds are the bonds
};

// Columns of the model: a prediction is their sum with one coefficient each. In this order, S species and n splines:
//   unit charges on each species (S);
//   of each bond: charge that flows to the ligand from its centre per Å of stretch (1) and per e/Å of the potential of
//   unit charges on each species at the ligand (S); dipole of the ligand towards its centre (1), per Å of stretch (1),
//   and along the field of unit charges on each species (S);
//   with surroundings, of each species of ligands: charge of a ligand without a bond (1) and of one with several (1),
//   dipole of one without along the field of unit charges on each species (S), and dipole of all along the vectors
//   Σ B_k(d) e to the atoms of each species (S times their splines);
//   of each bond, times each spline of the distance r between centre and ligand along u, with p from the ligand to its
//   centre, c = u·p and E the field of the charges at the centre: c^m uu, c^m up, c^m pp for m = 0..3, uE, (u·E) uu
//   (14);
//   with surroundings, of each species of ligands: uu of one without a bond, times each spline;
//   of each reference of the kernel: uu, up, pp (3).
// Charges and dipoles act through their lattice sums; products are symmetrised and traceless. With surroundings all
// that a bond does fades in the last 15 % of its cutoff, and a ligand is without a bond by what has faded.
std::size_t polarisable_columns(const PolarisableSpec &spec);

struct LigandBond {
  std::size_t ligand, centre;       // atoms
  std::size_t kind;                 // which of the bonds
  double distance;                  // Å
  std::array<double, 3> direction;  // from ligand to centre
  double weight;                    // 1, less towards the cutoff
};

// A centre of a tensor and a ligand with a bond of some kind, as the kernel sees them: distance r, c = u·p, stretch of
// the bond, E·u and E·p at the ligand, E·u, E·p and u·Vu at the centre, field and gradient of the charges.
struct BondedPair {
  std::size_t kind;
  PairInvariants invariants;
};

// What a ligand is beside its nearest bond.
struct Ligand {
  std::size_t atom, kind;  // kind: which species of ligands
  double free, excess;     // bonds that it lacks of one, and has beyond one
};

// Structure of one call: cell and positions (atoms, 3) Å, species (atoms).
struct PolarisableAtoms {
  Cell cell;
  std::size_t count;
  const double *positions;
  const int *species;
};

// Processes that share one prediction. Each does the rows from begin(n) to end(n) of n rows and gets the others' from
// `gather`, which is called in the same order everywhere: values (n, width).
struct Team {
  std::size_t part = 0, parts = 1;
  std::function<void(double *values, std::size_t n, std::size_t width)> gather = [](double *, std::size_t,
                                                                                    std::size_t) {};

  std::size_t start(std::size_t n, std::size_t of_part) const { return n * of_part / parts; }
  std::size_t begin(std::size_t n) const { return start(n, part); }
  std::size_t end(std::size_t n) const { return start(n, part + 1); }
};

// One object per thread: it owns the work space. Throws DomainError: a specification that means nothing.
class PolarisableModel
{
 public:
  explicit PolarisableModel(const PolarisableSpec &spec);

  const PolarisableSpec &spec() const { return spec_; }
  // How many columns, the first, act through lattice sums.
  std::size_t sources() const
  {
    return species_ + spec_.bonds.size() * sources_per_bond() + ligand_species_.size() * sources_per_ligand();
  }
  // Bonds of a structure, ordered by ligand; ligands without one are left out, their number is `unbound`.
  std::vector<LigandBond> bonds(const PolarisableAtoms &atoms, std::size_t &unbound) const;
  // Columns at some atoms, out (centres, columns, 6): xx yy zz xy xz yz, traceless; e/Å³ per unit of the coefficient,
  // splines without a unit. Throws DomainError as LatticeSum.
  void columns(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres, double *out);
  // Their sum with one coefficient each, out (centres, 6). A team gives the same atoms and centres to all of its
  // members and all get all tensors, the same for any number of members but for rounding.
  void predict(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres,
               const double *coefficients, double *out, const Team &team = {});
  // All pairs within the kernel's cutoff.
  std::vector<BondedPair> pairs(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres);

 private:
  template <class Sink>
  void evaluate(const PolarisableAtoms &, std::size_t, const std::size_t *, Sink &, const Team & = {});
  void find_bonds(const PolarisableAtoms &atoms, std::size_t &unbound, std::vector<LigandBond> &bonds,
                  std::vector<Ligand> &ligands) const;
  void sum_fields(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres, const Team &team);
  template <class Sink> void add_sources(const PolarisableAtoms &atoms, const CellList &list, Sink &sink) const;
  template <class Sink>
  void add_surroundings(const PolarisableAtoms &atoms, const CellList &list, const Ligand &ligand, Sink &sink) const;
  template <class Sink>
  void add_gradients(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres, Sink &sink,
                     const Team &team);
  template <class Sink>
  void add_short_range(const CellList &list, std::size_t n_centres, const std::size_t *centres, Sink &sink,
                       const Team &team) const;
  const double *field_of(std::size_t atom) const { return &field_[4 * species_ * target_[atom]]; }
  std::array<double, 3> charges_field(std::size_t atom) const;
  bool surrounded() const { return spec_.surroundings > 0; }
  std::size_t sources_per_bond() const { return 3 + 2 * species_; }
  std::size_t sources_per_ligand() const
  {
    return 2 + species_ + species_ * static_cast<std::size_t>(spec_.surroundings);
  }

  PolarisableSpec spec_;
  std::size_t species_;
  std::vector<int> ligand_species_;  // empty without surroundings
  SplineAxis axis_, wide_;           // of the short range, of the surroundings
  InvariantKernel kernel_;
  double reach_;
  LatticeSum sum_;
  std::vector<LigandBond> bonds_;
  std::vector<std::size_t> bond_of_;  // by atom: its place in bonds_, or none
  std::vector<std::size_t> target_;   // by atom: its place in field_
  std::vector<Ligand> ligands_;
  std::vector<std::size_t> ligand_of_;  // by atom: its place in ligands_, or none
  std::vector<double> field_;           // (targets, species, 4): φ Ex Ey Ez of unit charges
  std::vector<double> own_gradient_;    // (centres, 6) of the charges, where the kernel needs them
};

}  // namespace ufp
