#include "ufp/polarisable.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "ufp/error.hpp"

namespace ufp
{
namespace
{

using Vector = std::array<double, 3>;

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
constexpr std::size_t powers = 4;                 // of c = u·p
constexpr std::size_t products = 3 * powers + 2;  // short-ranged tensors of a ligand
constexpr std::size_t kernel_products = 3;
constexpr double whole = 0.85;              // of a bond's cutoff, up to where it counts fully
constexpr double smallest_distance = 1e-3;  // Å: closer atoms are one atom read twice

double dot(const Vector &a, const Vector &b)
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// ½(ab + ba) - ⅓ a·b, xx yy zz xy xz yz
std::array<double, 6> product(const Vector &a, const Vector &b)
{
  const double third = dot(a, b) / 3;
  return {a[0] * b[0] - third,
          a[1] * b[1] - third,
          a[2] * b[2] - third,
          0.5 * (a[0] * b[1] + a[1] * b[0]),
          0.5 * (a[0] * b[2] + a[2] * b[0]),
          0.5 * (a[1] * b[2] + a[2] * b[1])};
}

void take_trace(double *v)
{
  const double third = (v[0] + v[1] + v[2]) / 3;
  for (std::size_t e = 0; e < 3; ++e) v[e] -= third;
}

std::array<double, 9> flat(const Cell &cell)
{
  return {cell[0][0], cell[0][1], cell[0][2], cell[1][0], cell[1][1], cell[1][2], cell[2][0], cell[2][1], cell[2][2]};
}

std::vector<double> knots(const PolarisableSpec &spec, int splines)
{
  std::vector<double> out(static_cast<std::size_t>(splines) + 1);
  for (std::size_t k = 0; k < out.size(); ++k)
    out[k] = spec.first + (spec.cutoff - spec.first) * static_cast<double>(k) / splines;
  return out;
}

// The species named as ligands, each once, if ligands without a bond take part.
std::vector<int> ligand_species(const PolarisableSpec &spec)
{
  std::vector<int> out;
  for (const MolecularBond &bond : spec.bonds)
    if (spec.surroundings > 0 && std::find(out.begin(), out.end(), bond.ligand) == out.end())
      out.push_back(bond.ligand);
  return out;
}

// 1 up to `whole` of the cutoff, 0 at it, with a continuous slope.
double bond_weight(double distance, double cutoff)
{
  const double x = std::max(0.0, (distance / cutoff - whole) / (1 - whole));
  return x >= 1 ? 0 : 1 - x * x * (3 - 2 * x);
}

// u·V u, V as xx yy zz xy xz yz
double along_both(const double *v, const Vector &u)
{
  return v[0] * u[0] * u[0] + v[1] * u[1] * u[1] + v[2] * u[2] * u[2] +
         2 * (v[3] * u[0] * u[1] + v[4] * u[0] * u[2] + v[5] * u[1] * u[2]);
}

PolarisableSpec checked(const PolarisableSpec &spec)
{
  const auto refuse = [](const std::string &text) { throw DomainError("polarisable model: " + text); };
  const auto species = static_cast<int>(spec.charges.size());
  if (species == 0) refuse("expected a charge for each species, found none");
  for (const MolecularBond &bond : spec.bonds) {
    if (bond.centre < 0 || bond.centre >= species || bond.ligand < 0 || bond.ligand >= species)
      refuse("expected bonds between species 0 to " + std::to_string(species - 1) + ", found " +
             std::to_string(bond.centre) + " and " + std::to_string(bond.ligand));
    if (bond.centre == bond.ligand) refuse("expected bonds between two species, found a species bonded to itself");
    if (!(bond.cutoff > 0) || !std::isfinite(bond.cutoff) || !std::isfinite(bond.length))
      refuse("expected bonds with a cutoff above 0 and a finite length, found " + std::to_string(bond.cutoff) +
             " and " + std::to_string(bond.length));
  }
  if (!(spec.first > 0 && spec.cutoff > spec.first && std::isfinite(spec.cutoff)))
    refuse("expected splines from a distance above 0 to a larger cutoff, found " + std::to_string(spec.first) +
           " and " + std::to_string(spec.cutoff));
  if (spec.splines < 1 || spec.splines > 64) refuse("expected 1 to 64 splines, found " + std::to_string(spec.splines));
  if (spec.surroundings < 0 || spec.surroundings > 64)
    refuse("expected 0 to 64 splines of the surroundings, found " + std::to_string(spec.surroundings));
  return spec;
}

// Each column by itself.
struct Columns {
  std::size_t sources, columns, atoms;
  std::vector<double> charges, dipoles;  // (sources, atoms), (sources, atoms, 3)
  double *out;                           // (centres, columns, 6)

  Columns(std::size_t n_sources, std::size_t n_columns, std::size_t n_atoms, double *tensors)
      : sources(n_sources), columns(n_columns), atoms(n_atoms), charges(n_sources * n_atoms),
        dipoles(3 * n_sources * n_atoms), out(tensors)
  {
  }
  void charge(std::size_t column, std::size_t atom, double q) { charges[column * atoms + atom] += q; }
  void dipole(std::size_t column, std::size_t atom, const Vector &mu, double size)
  {
    for (std::size_t d = 0; d < 3; ++d) dipoles[3 * (column * atoms + atom) + d] += size * mu[d];
  }
  void tensor(std::size_t centre, std::size_t column, const std::array<double, 6> &v, double size)
  {
    double *to = out + 6 * (centre * columns + column);
    for (std::size_t e = 0; e < 6; ++e) to[e] += size * v[e];
  }
  void splines(std::size_t centre, std::size_t column, std::size_t count, const std::array<double, 6> &v, double size,
               const double *b)
  {
    for (std::size_t k = 0; k < count; ++k) tensor(centre, column + k, v, size * b[k]);
  }
  void kernel(std::size_t centre, std::size_t column, std::size_t count, double weight, const double *alike,
              const std::array<double, 6> &a, const std::array<double, 6> &b, const std::array<double, 6> &c)
  {
    for (std::size_t m = 0; m < count; ++m)
      for (const std::array<double, 6> *v : {&a, &b, &c}) tensor(centre, column++, *v, weight * alike[m]);
  }
  void pair(std::size_t, const PairInvariants &) {}
  std::size_t sets() const { return sources; }
  void gradient(std::size_t centre, std::size_t set, const double *v)
  {
    std::copy(v, v + 6, out + 6 * (centre * columns + set));
  }
};

// All columns together, each with its coefficient.
struct Sum {
  const double *coefficients;
  std::vector<double> charges, dipoles;  // (atoms), (atoms, 3)
  double *out;                           // (centres, 6)

  Sum(const double *weights, std::size_t n_atoms, double *tensors)
      : coefficients(weights), charges(n_atoms), dipoles(3 * n_atoms), out(tensors)
  {
  }
  void charge(std::size_t column, std::size_t atom, double q) { charges[atom] += coefficients[column] * q; }
  void dipole(std::size_t column, std::size_t atom, const Vector &mu, double size)
  {
    for (std::size_t d = 0; d < 3; ++d) dipoles[3 * atom + d] += coefficients[column] * size * mu[d];
  }
  void splines(std::size_t centre, std::size_t column, std::size_t count, const std::array<double, 6> &v, double size,
               const double *b)
  {
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k) sum += coefficients[column + k] * b[k];
    for (std::size_t e = 0; e < 6; ++e) out[6 * centre + e] += sum * size * v[e];
  }
  void kernel(std::size_t centre, std::size_t column, std::size_t count, double weight, const double *alike,
              const std::array<double, 6> &a, const std::array<double, 6> &b, const std::array<double, 6> &c)
  {
    std::array<double, 3> sum{};
    for (std::size_t m = 0; m < count; ++m)
      for (std::size_t t = 0; t < 3; ++t) sum[t] += coefficients[column + 3 * m + t] * alike[m];
    for (std::size_t e = 0; e < 6; ++e) out[6 * centre + e] += weight * (sum[0] * a[e] + sum[1] * b[e] + sum[2] * c[e]);
  }
  void pair(std::size_t, const PairInvariants &) {}
  std::size_t sets() const { return 1; }
  void gradient(std::size_t centre, std::size_t, const double *v)
  {
    for (std::size_t e = 0; e < 6; ++e) out[6 * centre + e] += v[e];
  }
};

// No column: what the kernel sees of the pairs.
struct Pairs {
  std::vector<double> charges, dipoles;
  std::vector<BondedPair> &out;

  explicit Pairs(std::vector<BondedPair> &pairs) : out(pairs) {}
  void charge(std::size_t, std::size_t, double) {}
  void dipole(std::size_t, std::size_t, const Vector &, double) {}
  void splines(std::size_t, std::size_t, std::size_t, const std::array<double, 6> &, double, const double *) {}
  void kernel(std::size_t, std::size_t, std::size_t, double, const double *, const std::array<double, 6> &,
              const std::array<double, 6> &, const std::array<double, 6> &)
  {
  }
  void pair(std::size_t kind, const PairInvariants &x) { out.push_back({kind, x}); }
  std::size_t sets() const { return 0; }
  void gradient(std::size_t, std::size_t, const double *) {}
};

}  // namespace

std::size_t polarisable_columns(const PolarisableSpec &spec)
{
  const std::size_t species = spec.charges.size(), splines = static_cast<std::size_t>(spec.splines);
  const std::size_t ligand = 2 + species + species * static_cast<std::size_t>(spec.surroundings) + splines;
  return species + spec.bonds.size() * (3 + 2 * species + products * splines) + ligand_species(spec).size() * ligand +
         kernel_products * spec.kernel.points.size();
}

PolarisableModel::PolarisableModel(const PolarisableSpec &spec)
    : spec_(checked(spec)), species_(spec.charges.size()), ligand_species_(ligand_species(spec)),
      axis_(knots(spec, spec.splines), spec.cutoff), wide_(knots(spec, std::max(1, spec.surroundings)), spec.cutoff),
      kernel_(spec.kernel, spec.bonds.size()), reach_(std::max(spec.cutoff, kernel_.cutoff()))
{
  for (const MolecularBond &bond : spec_.bonds) reach_ = std::max(reach_, bond.cutoff);
}

std::vector<LigandBond> PolarisableModel::bonds(const PolarisableAtoms &atoms, std::size_t &unbound) const
{
  std::vector<LigandBond> out;
  std::vector<Ligand> ligands;
  find_bonds(atoms, unbound, out, ligands);
  return out;
}

void PolarisableModel::columns(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres,
                               double *out)
{
  const std::size_t count = polarisable_columns(spec_);
  std::fill(out, out + 6 * n_centres * count, 0.0);
  Columns sink(sources(), count, atoms.count, out);
  evaluate(atoms, n_centres, centres, sink);
}

void PolarisableModel::predict(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres,
                               const double *coefficients, double *out, const Team &team)
{
  std::fill(out, out + 6 * n_centres, 0.0);
  Sum sink(coefficients, atoms.count, out);
  evaluate(atoms, n_centres, centres, sink, team);
  team.gather(out, n_centres, 6);
}

std::vector<BondedPair> PolarisableModel::pairs(const PolarisableAtoms &atoms, std::size_t n_centres,
                                                const std::size_t *centres)
{
  std::vector<BondedPair> out;
  Pairs sink(out);
  evaluate(atoms, n_centres, centres, sink);
  return out;
}

template <class Sink>
void PolarisableModel::evaluate(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres,
                                Sink &sink, const Team &team)
{
  const CellList list(atoms.positions, atoms.count, flat(atoms.cell), {true, true, true}, reach_);
  std::size_t unbound = 0;
  find_bonds(atoms, unbound, bonds_, ligands_);
  bond_of_.assign(atoms.count, none);
  for (std::size_t b = 0; b < bonds_.size(); ++b) bond_of_[bonds_[b].ligand] = b;
  ligand_of_.assign(atoms.count, none);
  for (std::size_t k = 0; k < ligands_.size(); ++k) ligand_of_[ligands_[k].atom] = k;
  if (!spec_.bonds.empty()) sum_fields(atoms, n_centres, centres, team);
  add_sources(atoms, list, sink);
  add_gradients(atoms, n_centres, centres, sink, team);
  if (!spec_.bonds.empty()) add_short_range(list, n_centres, centres, sink, team);
}

// Gradients of the charges and dipoles, and of the charges alone where the kernel wants them.
template <class Sink>
void PolarisableModel::add_gradients(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres,
                                     Sink &sink, const Team &team)
{
  const std::size_t count = sink.sets(), sets = count + (kernel_.cutoff() > 0);
  if (sets > count) {
    for (std::size_t i = 0; i < atoms.count; ++i)
      sink.charges.push_back(spec_.charges[static_cast<std::size_t>(atoms.species[i])]);
    sink.dipoles.resize(3 * sets * atoms.count);
  }
  const std::size_t begin = team.begin(n_centres), end = team.end(n_centres);
  std::vector<double> v(6 * (end - begin) * sets);
  const Multipoles multipoles{sets, sink.charges.data(), sink.dipoles.data()};
  const EwaldSplit split = balanced_split(atoms.cell, atoms.count, n_centres, spec_.tolerance);
  sum_.gradients(atoms.cell, atoms.count, atoms.positions, multipoles, end - begin, centres + begin, split, v.data());
  own_gradient_.assign(6 * n_centres, 0.0);
  for (std::size_t i = begin; i < end; ++i)
    for (std::size_t s = 0; s < sets; ++s) {
      double *const tensor = &v[6 * ((i - begin) * sets + s)];
      take_trace(tensor);
      if (s < count)
        sink.gradient(i, s, tensor);
      else
        std::copy(tensor, tensor + 6, &own_gradient_[6 * i]);
    }
}

void PolarisableModel::find_bonds(const PolarisableAtoms &atoms, std::size_t &unbound, std::vector<LigandBond> &bonds,
                                  std::vector<Ligand> &ligands) const
{
  bonds.clear();
  ligands.clear();
  unbound = 0;
  if (spec_.bonds.empty()) return;
  double longest = 0;
  for (const MolecularBond &bond : spec_.bonds) longest = std::max(longest, bond.cutoff);
  const CellList list(atoms.positions, atoms.count, flat(atoms.cell), {true, true, true}, longest);
  std::vector<Neighbor> near;
  for (std::size_t i = 0; i < atoms.count; ++i) {
    const auto is_ligand = [&](const MolecularBond &bond) { return bond.ligand == atoms.species[i]; };
    if (std::none_of(spec_.bonds.begin(), spec_.bonds.end(), is_ligand)) continue;
    list.neighbors(i, near);
    LigandBond best{i, none, 0, std::numeric_limits<double>::infinity(), {}, 1};
    double coordination = 0;
    for (const Neighbor &n : near)
      for (std::size_t k = 0; k < spec_.bonds.size(); ++k) {
        const MolecularBond &bond = spec_.bonds[k];
        const auto j = static_cast<std::size_t>(n.index);
        if (!is_ligand(bond) || bond.centre != atoms.species[j] || n.distance >= bond.cutoff ||
            n.distance < smallest_distance)
          continue;
        coordination += bond_weight(n.distance, bond.cutoff);
        if (n.distance >= best.distance) continue;
        best.centre = j;
        best.kind = k;
        best.distance = n.distance;
        for (std::size_t d = 0; d < 3; ++d) best.direction[d] = n.displacement[d] / n.distance;
      }
    if (surrounded()) {
      const auto kind = std::find(ligand_species_.begin(), ligand_species_.end(), atoms.species[i]);
      ligands.push_back({i, static_cast<std::size_t>(kind - ligand_species_.begin()), std::max(0.0, 1 - coordination),
                         std::max(0.0, coordination - 1)});
    }
    if (best.centre == none) {
      ++unbound;
      continue;
    }
    if (surrounded()) best.weight = bond_weight(best.distance, spec_.bonds[best.kind].cutoff);
    bonds.push_back(best);
  }
}

// Potential and field of unit charges on each species, at the ligands and at the centres of the tensors.
void PolarisableModel::sum_fields(const PolarisableAtoms &atoms, std::size_t n_centres, const std::size_t *centres,
                                  const Team &team)
{
  std::vector<std::size_t> targets(centres, centres + n_centres);
  target_.assign(atoms.count, none);
  for (std::size_t k = 0; k < n_centres; ++k) target_[centres[k]] = k;
  const auto add = [&](std::size_t atom) {
    if (target_[atom] != none) return;
    target_[atom] = targets.size();
    targets.push_back(atom);
  };
  for (const LigandBond &bond : bonds_) add(bond.ligand);
  for (const Ligand &ligand : ligands_)
    if (ligand.free > 0) add(ligand.atom);
  std::vector<double> charges(species_ * atoms.count);
  for (std::size_t i = 0; i < atoms.count; ++i)
    charges[static_cast<std::size_t>(atoms.species[i]) * atoms.count + i] = 1;
  field_.resize(4 * species_ * targets.size());
  const EwaldSplit split = balanced_split(atoms.cell, atoms.count, targets.size(), spec_.tolerance, species_);
  const std::size_t begin = team.begin(targets.size()), end = team.end(targets.size());
  sum_.fields(atoms.cell, atoms.count, atoms.positions, {species_, charges.data()}, end - begin, targets.data() + begin,
              split, field_.data() + 4 * species_ * begin);
  team.gather(field_.data(), targets.size(), 4 * species_);
}

Vector PolarisableModel::charges_field(std::size_t atom) const
{
  Vector field{};
  for (std::size_t s = 0; s < species_; ++s)
    for (std::size_t d = 0; d < 3; ++d) field[d] += spec_.charges[s] * field_of(atom)[4 * s + 1 + d];
  return field;
}

template <class Sink>
void PolarisableModel::add_sources(const PolarisableAtoms &atoms, const CellList &list, Sink &sink) const
{
  for (std::size_t i = 0; i < atoms.count; ++i) sink.charge(static_cast<std::size_t>(atoms.species[i]), i, 1.0);
  for (const LigandBond &bond : bonds_) {
    const double stretch = bond.distance - spec_.bonds[bond.kind].length;
    const double *const field = field_of(bond.ligand);
    std::size_t column = species_ + bond.kind * sources_per_bond();
    const auto flow = [&](double q) {
      sink.charge(column, bond.ligand, bond.weight * q);
      sink.charge(column++, bond.centre, -bond.weight * q);
    };
    flow(stretch);
    for (std::size_t s = 0; s < species_; ++s) flow(field[4 * s]);
    sink.dipole(column++, bond.ligand, bond.direction, bond.weight);
    sink.dipole(column++, bond.ligand, bond.direction, bond.weight * stretch);
    for (std::size_t s = 0; s < species_; ++s)
      sink.dipole(column++, bond.ligand, {field[4 * s + 1], field[4 * s + 2], field[4 * s + 3]}, bond.weight);
  }
  for (const Ligand &ligand : ligands_) add_surroundings(atoms, list, ligand, sink);
}

template <class Sink>
void PolarisableModel::add_surroundings(const PolarisableAtoms &atoms, const CellList &list, const Ligand &ligand,
                                        Sink &sink) const
{
  std::size_t column = species_ + spec_.bonds.size() * sources_per_bond() + ligand.kind * sources_per_ligand();
  sink.charge(column++, ligand.atom, ligand.free);
  sink.charge(column++, ligand.atom, ligand.excess);
  for (std::size_t s = 0; s < species_; ++s, ++column) {
    if (!(ligand.free > 0)) continue;
    const double *const field = field_of(ligand.atom) + 4 * s;
    sink.dipole(column, ligand.atom, {field[1], field[2], field[3]}, ligand.free);
  }
  const auto splines = static_cast<std::size_t>(spec_.surroundings);
  std::vector<Neighbor> near;
  list.neighbors(ligand.atom, near);
  for (const Neighbor &n : near) {
    if (n.distance >= spec_.cutoff || n.distance < smallest_distance) continue;
    const Vector e{n.displacement[0] / n.distance, n.displacement[1] / n.distance, n.displacement[2] / n.distance};
    std::array<double, 4> b{}, db{};
    const auto first = static_cast<std::size_t>(wide_.evaluate(std::max(n.distance, spec_.first), b.data(), db.data()));
    const auto species = static_cast<std::size_t>(atoms.species[n.index]);
    for (std::size_t k = 0; k < b.size() && first + k < splines; ++k)
      sink.dipole(column + species * splines + first + k, ligand.atom, e, b[k]);
  }
}

template <class Sink>
void PolarisableModel::add_short_range(const CellList &list, std::size_t n_centres, const std::size_t *centres,
                                       Sink &sink, const Team &team) const
{
  const auto splines = static_cast<std::size_t>(spec_.splines);
  const std::size_t start = sources(), free_start = start + spec_.bonds.size() * products * splines,
                    kernel_start = free_start + ligand_species_.size() * splines;
  std::vector<Neighbor> near;
  std::vector<double> alike(kernel_.size());
  for (std::size_t i = team.begin(n_centres); i < team.end(n_centres); ++i) {
    const Vector field = charges_field(centres[i]);
    list.neighbors(centres[i], near);
    for (const Neighbor &n : near) {
      const auto j = static_cast<std::size_t>(n.index);
      const std::size_t place = bond_of_[j], other = ligand_of_[j];
      if (place == none && other == none) continue;
      Vector u{};
      for (std::size_t d = 0; d < 3; ++d) u[d] = n.displacement[d] / n.distance;
      const std::array<double, 6> uu = product(u, u);
      std::array<double, 4> b{}, db{};
      std::size_t first = splines;
      if (n.distance < spec_.cutoff)
        first = static_cast<std::size_t>(axis_.evaluate(std::max(n.distance, spec_.first), b.data(), db.data()));
      const std::size_t count = std::min(b.size(), splines - first);
      if (other != none && ligands_[other].free > 0)
        sink.splines(i, free_start + ligands_[other].kind * splines + first, count, uu, ligands_[other].free, b.data());
      if (place == none) continue;
      const LigandBond &bond = bonds_[place];
      const Vector &p = bond.direction;
      const double c = dot(u, p), along = dot(u, field);
      const std::array<double, 6> up = product(u, p), pp = product(p, p), ue = product(u, field);
      std::size_t column = start + bond.kind * products * splines + first;
      const auto add = [&](const std::array<double, 6> &v, double size) {
        sink.splines(i, column, count, v, size * bond.weight, b.data());
        column += splines;
      };
      for (const std::array<double, 6> *v : {&uu, &up, &pp}) {
        double power = 1;
        for (std::size_t m = 0; m < powers; ++m, power *= c) add(*v, power);
      }
      add(ue, 1.0);
      add(uu, along);
      if (n.distance >= kernel_.cutoff()) continue;
      const Vector at_ligand = charges_field(bond.ligand);
      const double stretch = bond.distance - spec_.bonds[bond.kind].length;
      const PairInvariants x{n.distance,        c,     stretch,       dot(at_ligand, u),
                             dot(at_ligand, p), along, dot(field, p), along_both(&own_gradient_[6 * i], u)};
      sink.pair(bond.kind, x);
      kernel_.evaluate(bond.kind, x, alike.data());
      const std::size_t begin = kernel_.first(bond.kind), end = kernel_.first(bond.kind + 1);
      sink.kernel(i, kernel_start + kernel_products * begin, end - begin, bond.weight, alike.data(), uu, up, pp);
    }
  }
}

}  // namespace ufp
