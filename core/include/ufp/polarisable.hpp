// A linear model of field gradients: ions and molecules whose bonds let charge flow and whose ligands are polarised,
// and short-ranged tensors of the ligands around a centre.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ufp/bspline.hpp"
#include "ufp/cell_list.hpp"
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
  std::vector<double> charges;  // e, by species: the charges whose field acts at the centre of a tensor
  double first, cutoff;         // Å, of the splines of the short range
  int splines;                  // intervals between them, and functions: they end at 0 with two derivatives
  double tolerance;             // of the Ewald sums, relative to the rms gradient
};

// Columns of the model: a prediction is their sum with one coefficient each. In this order, S species and n splines:
//   unit charges on each species (S);
//   of each bond: charge that flows to the ligand from its centre per Å of stretch (1) and per e/Å of the potential of
//   unit charges on each species at the ligand (S); dipole of the ligand towards its centre (1), per Å of stretch (1),
//   and along the field of unit charges on each species (S);
//   of each bond, times each spline of the distance r between centre and ligand along u, with p from the ligand to its
//   centre, c = u·p and E the field of the charges at the centre: c^m uu, c^m up, c^m pp for m = 0..3, uE, (u·E) uu
//   (14).
// Charges and dipoles act through their lattice sums; products are symmetrised and traceless.
std::size_t polarisable_columns(const PolarisableSpec &spec);

struct LigandBond {
  std::size_t ligand, centre;       // atoms
  std::size_t kind;                 // which of the bonds
  double distance;                  // Å
  std::array<double, 3> direction;  // from ligand to centre
};

// Structure of one call: cell and positions (atoms, 3) Å, species (atoms).
struct PolarisableAtoms {
  Cell cell;
  std::size_t count;
  const double *positions;
  const int *species;
};

// One object per thread: it owns the work space. Throws DomainError: a specification that means nothing.
class PolarisableModel
{
 public:
  explicit PolarisableModel(const PolarisableSpec &spec);

  const PolarisableSpec &spec() const { return spec_; }
  // Bonds of a structure, ordered by ligand; ligands without one are left out, their number is `unbound`.
  std::vector<LigandBond> bonds(const PolarisableAtoms &atoms, std::size_t &unbound) const;
  // Columns at some atoms, out (centres, columns, 6): xx yy zz xy xz yz, traceless; e/Å³ per unit of the coefficient,
  // splines without a unit. Throws DomainError as LatticeSum.
  void columns(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres, double *out);
  // Their sum with one coefficient each, out (centres, 6).
  void predict(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres,
               const double *coefficients, double *out);

 private:
  template <class Sink> void evaluate(const PolarisableAtoms &, std::size_t, const std::size_t *, Sink &);
  void find_bonds(const PolarisableAtoms &atoms, const CellList &list, std::size_t &unbound,
                  std::vector<LigandBond> &out) const;
  void sum_fields(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres);
  template <class Sink> void add_sources(const PolarisableAtoms &atoms, Sink &sink) const;
  template <class Sink>
  void add_short_range(const CellList &list, std::size_t n_centres, const std::size_t *centres, Sink &sink) const;
  const double *field_of(std::size_t atom) const { return &field_[4 * species_ * target_[atom]]; }
  std::size_t sources_per_bond() const { return 3 + 2 * species_; }

  PolarisableSpec spec_;
  std::size_t species_;
  SplineAxis axis_;
  double reach_;
  LatticeSum sum_;
  std::vector<LigandBond> bonds_;
  std::vector<std::size_t> bond_of_;  // by atom: its place in bonds_, or none
  std::vector<std::size_t> target_;   // by atom: its place in field_
  std::vector<double> field_;         // (targets, species, 4): φ Ex Ey Ez of unit charges
};

}  // namespace ufp
