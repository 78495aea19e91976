#include "ufp/uf3_features.hpp"

#include <algorithm>
#include <cmath>

#include "vector4.hpp"

namespace ufp
{
namespace
{

using Index = std::size_t;
constexpr int no_run = -1;

Index at(int i)
{
  return static_cast<Index>(i);
}

// One leg or bond: distance, unit vector from its first to its second end, and the basis there.
struct Leg {
  Index atom;
  std::array<double, 3> x;  // displacement, A
  std::array<double, 3> unit;
  double r;
  int first;
  double b[4], db[4];
};

void set_geometry(Leg &leg, const std::array<double, 3> &x)
{
  leg.x = x;
  leg.r = std::sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
  for (Index d = 0; d < 3; ++d) leg.unit[d] = x[d] / leg.r;
}

// Basis of a triplet's distance: below the axis its value at the first knot, without a derivative.
void set_clamped_basis(Leg &leg, const SplineAxis &axis)
{
  leg.first = axis.evaluate(std::max(leg.r, axis.lo()), leg.b, leg.db);
  if (leg.r < axis.lo()) std::fill(leg.db, leg.db + 4, 0.0);
}

constexpr Index rows_per_triplet = 16;  // energy, six of the virial, x y z of i, j, k
constexpr Index virial_a[6] = {0, 1, 2, 0, 0, 1}, virial_b[6] = {0, 1, 2, 1, 2, 2};

// With V3 = B_l(x) B_m(y) B_n(z), a row is (b_x B'_l B_m + b_y B_l B'_m) B_n + b_z B_l B_m B'_n: its three factors.
struct RowFactors {
  double x[rows_per_triplet], y[rows_per_triplet], z[rows_per_triplet];
};

void set_row(RowFactors &f, Index row, double x, double y, double z)
{
  f.x[row] = x;
  f.y[row] = y;
  f.z[row] = z;
}

RowFactors factors(const Leg &ij, const Leg &ik, const Leg &jk)
{
  RowFactors f;
  set_row(f, 0, 0, 0, 0);  // the energy is added apart
  for (Index c = 0; c < 6; ++c) {
    const Index a = virial_a[c], b = virial_b[c];
    set_row(f, 1 + c, -ij.unit[a] * ij.x[b], -ik.unit[a] * ik.x[b], -jk.unit[a] * jk.x[b]);
  }
  for (Index d = 0; d < 3; ++d) {
    set_row(f, 7 + d, ij.unit[d], ik.unit[d], 0);
    set_row(f, 10 + d, -ij.unit[d], 0, jk.unit[d]);
    set_row(f, 13 + d, 0, -ik.unit[d], -jk.unit[d]);
  }
  return f;
}

}  // namespace

FeatureStructure::FeatureStructure(const int *species, const double *positions, std::size_t atoms,
                                   const std::array<double, 9> &cell, const std::array<bool, 3> &periodic,
                                   double pair_cutoff, double leg_cutoff)
    : species_(species, species + atoms), neighbors_(atoms), legs_(atoms)
{
  const CellList list(positions, atoms, cell, periodic, std::max(pair_cutoff, leg_cutoff));
  for (Index i = 0; i < atoms; ++i) {
    list.neighbors(i, neighbors_[i]);
    for (const Neighbor &neighbor : neighbors_[i])
      if (neighbor.distance < leg_cutoff) legs_[i].push_back(neighbor);
  }
}

Uf3Features::Uf3Features(int species, const std::vector<PairFeatures> &pairs,
                         const std::vector<TripletFeatures> &triplets)
    : species_(species), start_{0}, columns_(at(species))
{
  for (const PairFeatures &term : pairs) {
    Pair pair{term.species, SplineAxis(term.knots, term.cutoff), {}};
    pair.column.assign(at(pair.axis.size()), -1);
    std::copy(term.column.begin(), term.column.end(), pair.column.begin() + pair.axis.padding_front());
    pair_cutoff_ = std::max(pair_cutoff_, pair.axis.hi());
    start_.push_back(columns_);
    columns_ += at(1 + *std::max_element(term.column.begin(), term.column.end()));
    pairs_.push_back(std::move(pair));
  }
  for (const TripletFeatures &term : triplets) {
    triplets_.push_back(lay_out(term));
    for (Index leg = 0; leg < 2; ++leg) leg_cutoff_ = std::max(leg_cutoff_, triplets_.back().axis[leg].hi());
    start_.push_back(columns_);
    columns_ += triplets_.back().columns;
  }
}

// Each (l, m) with columns gets a run of the tile that holds every window of four n around them, so that the inner loop
// writes without looking.
Uf3Features::Triplet Uf3Features::lay_out(const TripletFeatures &term)
{
  Triplet out;
  out.species = term.species;
  for (Index a = 0; a < 3; ++a) out.axis[a] = SplineAxis(term.knots[a], term.cutoff[a]);
  const bool symmetric = term.species[1] == term.species[2];
  const auto [x, y, z] =
      std::array<int, 3>{static_cast<int>(term.knots[0].size()) - 4, static_cast<int>(term.knots[1].size()) - 4,
                         static_cast<int>(term.knots[2].size()) - 4};
  const int front_l = out.axis[0].padding_front(), front_m = out.axis[1].padding_front(),
            front_n = out.axis[2].padding_front();
  const int stride = out.axis[1].size();
  out.run.assign(at(out.axis[0].size()) * at(stride), no_run);
  out.low.assign(out.run.size(), 0);
  out.high.assign(out.run.size(), -1);
  for (int l = 0; l < x; ++l)
    for (int m = symmetric ? l : 0; m < y; ++m) {
      const int *column = &term.column[at((l * y + m) * z)];
      int first = z, last = -1;
      for (int n = 0; n < z; ++n)
        if (column[n] >= 0) {
          first = std::min(first, n);
          last = n;
        }
      if (last < 0) continue;
      const int low = std::max(first + front_n - 3, 0), high = last + front_n;
      const auto put = [&](int p, int q) {
        const Index place = at((p + front_l) * stride + q + front_m);
        out.run[place] = static_cast<int>(out.width);
        out.low[place] = low;
        out.high[place] = high;
      };
      put(l, m);
      if (symmetric) put(m, l);
      for (int n = first; n <= last; ++n)
        if (column[n] >= 0) {
          out.gathered.push_back({out.width + at(n + front_n - low), at(column[n])});
          out.columns = std::max(out.columns, at(column[n]) + 1);
        }
      out.width += at(high + 4 - low);
    }
  return out;
}

bool Uf3Features::touches(std::size_t block, int species) const noexcept
{
  if (block == 0) return false;
  if (block <= pairs_.size()) {
    const auto &s = pairs_[block - 1].species;
    return s[0] == species || s[1] == species;
  }
  const auto &s = triplets_[block - 1 - pairs_.size()].species;
  return s[0] == species || s[1] == species || s[2] == species;
}

void Uf3Features::fill(std::size_t block, const FeatureStructure &structure, const FeatureRows &rows,
                       FeatureScratch &scratch) const
{
  if (block == 0)
    fill_onebody(structure, rows);
  else if (block <= pairs_.size())
    fill_pair(block, structure, rows);
  else
    fill_triplet(block, structure, rows, scratch);
}

void Uf3Features::fill_onebody(const FeatureStructure &structure, const FeatureRows &rows) const
{
  if (!rows.energy) return;
  for (Index i = 0; i < structure.atoms(); ++i) rows.energy[structure.species(i)] += 1;
}

void Uf3Features::fill_pair(std::size_t block, const FeatureStructure &structure, const FeatureRows &rows) const
{
  const Pair &pair = pairs_[block - 1];
  const auto place = [&](Index atom, Index d) {
    const Index s = at(structure.species(atom));
    return rows.forces[atom] + d * rows.width[s] + rows.start[s][block];
  };
  Leg bond{};
  for (Index i = 0; i < structure.atoms(); ++i) {
    const int other = structure.species(i) == pair.species[0]   ? pair.species[1]
                      : structure.species(i) == pair.species[1] ? pair.species[0]
                                                                : -1;
    if (other < 0) continue;
    for (const Neighbor &neighbor : structure.neighbors(i)) {
      const Index j = at(neighbor.index);
      if (structure.species(j) != other || !(neighbor.distance < pair.axis.hi())) continue;
      set_geometry(bond, neighbor.displacement);
      const double below = std::min(bond.r - pair.axis.lo(), 0.0);  // a straight line from the first knot down
      bond.first = pair.axis.evaluate(bond.r - below, bond.b, bond.db);
      for (int q = 0; q < 4; ++q) {
        const int column = pair.column[at(bond.first + q)];
        if (column < 0) continue;
        const Index c = at(column);
        if (rows.energy) rows.energy[start_[block] + c] += bond.b[q] + below * bond.db[q];
        if (rows.virial)
          for (Index v = 0; v < 6; ++v)
            rows.virial[v * columns_ + start_[block] + c] -= bond.db[q] * bond.unit[virial_a[v]] * bond.x[virial_b[v]];
        if (rows.forces.empty()) continue;
        for (Index d = 0; d < 3; ++d) {
          place(i, d)[c] += bond.db[q] * bond.unit[d];
          place(j, d)[c] -= bond.db[q] * bond.unit[d];
        }
      }
    }
  }
}

void Uf3Features::fill_triplet(std::size_t block, const FeatureStructure &structure, const FeatureRows &rows,
                               FeatureScratch &scratch) const
{
  const Triplet &term = triplets_[block - 1 - pairs_.size()];
  const Index atoms = structure.atoms(), width = term.width;
  if (width == 0) return;
  scratch.tile.assign((7 + 3 * atoms) * width, 0.0);
  double *const tile = scratch.tile.data();
  std::vector<char> touched(atoms, 0);
  const bool symmetric = term.species[1] == term.species[2];
  const int stride = term.axis[1].size();

  const auto add = [&](const Leg &ij, const Leg &ik, const Leg &jk, Index i) {
    const RowFactors f = factors(ij, ik, jk);
    double *row[rows_per_triplet];
    for (Index r = 0; r < 7; ++r) row[r] = tile + r * width;
    const Index ends[3] = {i, ij.atom, ik.atom};
    for (Index e = 0; e < 3; ++e) {
      touched[ends[e]] = 1;
      for (Index d = 0; d < 3; ++d) row[7 + 3 * e + d] = tile + (7 + 3 * ends[e] + d) * width;
    }
    const Vector4 b = load(jk.b), db = load(jk.db);
    for (int p = 0; p < 4; ++p)
      for (int q = 0; q < 4; ++q) {
        const Index lm = at((ij.first + p) * stride + ik.first + q);
        if (jk.first < term.low[lm] || jk.first > term.high[lm]) continue;
        const Index offset = at(term.run[lm] + jk.first - term.low[lm]);
        const double x = ij.db[p] * ik.b[q], y = ij.b[p] * ik.db[q], z = ij.b[p] * ik.b[q];
        store(row[0] + offset, load(row[0] + offset) + broadcast(z) * b);
        for (Index r = 1; r < rows_per_triplet; ++r) {
          double *const to = row[r] + offset;
          store(to, load(to) + broadcast(x * f.x[r] + y * f.y[r]) * b + broadcast(z * f.z[r]) * db);
        }
      }
  };

  std::vector<Leg> first, second;
  Leg jk{};
  const auto collect = [&](std::vector<Leg> &legs, Index i, int species, const SplineAxis &axis) {
    legs.clear();
    for (const Neighbor &neighbor : structure.legs(i)) {
      if (structure.species(at(neighbor.index)) != species || !(neighbor.distance < axis.hi())) continue;
      Leg leg{};
      leg.atom = at(neighbor.index);
      set_geometry(leg, neighbor.displacement);
      set_clamped_basis(leg, axis);
      legs.push_back(leg);
    }
  };
  for (Index i = 0; i < atoms; ++i) {
    if (structure.species(i) != term.species[0]) continue;
    collect(first, i, term.species[1], term.axis[0]);
    if (!symmetric) collect(second, i, term.species[2], term.axis[1]);
    const std::vector<Leg> &others = symmetric ? first : second;
    for (Index j = 0; j < first.size(); ++j)
      for (Index k = symmetric ? j + 1 : 0; k < others.size(); ++k) {
        const Leg &ij = first[j], &ik = others[k];
        set_geometry(jk, {ik.x[0] - ij.x[0], ik.x[1] - ij.x[1], ik.x[2] - ij.x[2]});
        if (!(jk.r < term.axis[2].hi())) continue;
        set_clamped_basis(jk, term.axis[2]);
        add(ij, ik, jk, i);
      }
  }

  for (const auto &[from, column] : term.gathered) {
    if (rows.energy) rows.energy[start_[block] + column] = tile[from];
    if (rows.virial)
      for (Index v = 0; v < 6; ++v) rows.virial[v * columns_ + start_[block] + column] = tile[(1 + v) * width + from];
  }
  if (rows.forces.empty()) return;
  for (Index i = 0; i < atoms; ++i) {
    if (!touched[i]) continue;
    const Index s = at(structure.species(i));
    for (Index d = 0; d < 3; ++d) {
      double *const to = rows.forces[i] + d * rows.width[s] + rows.start[s][block];
      const double *const from = tile + (7 + 3 * i + d) * width;
      for (const auto &[place, column] : term.gathered) to[column] = from[place];
    }
  }
}

}  // namespace ufp
