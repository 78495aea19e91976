// The hot path: one centre, its pairs and its triplets.
#include "ufp/uf3_evaluate.hpp"

#include <algorithm>
#include <cmath>

namespace ufp
{
namespace
{

using Index = std::size_t;

Index at(int i)
{
  return static_cast<Index>(i);
}

struct Value {
  double energy, derivative;
};

Value pair_value(const Uf3Model::Pair &pair, double r) noexcept
{
  const SplineAxis &axis = pair.axis;
  if (r >= axis.hi()) return {0.0, 0.0};
  if (r < axis.lo()) return {pair.value_lo + pair.slope * (r - axis.lo()), pair.slope};
  const int s = axis.interval(r);
  const double x = r - axis.breaks()[at(s)];
  const double *p = &pair.polynomials[4 * at(s)];
  return {((p[3] * x + p[2]) * x + p[1]) * x + p[0], (3 * p[3] * x + 2 * p[2]) * x + p[1]};
}

// Basis at r, or at the first knot with zero derivative below it; -1 at and beyond the end.
int leg_basis(const SplineAxis &axis, double r, double *b, double *db, bool &clamped) noexcept
{
  clamped = r < axis.lo();
  if (r >= axis.hi()) return -1;
  const int first = axis.evaluate(clamped ? axis.lo() : r, b, db);
  if (clamped) db[0] = db[1] = db[2] = db[3] = 0;
  return first;
}

struct Contraction {
  double v, ij, ik, jk;  // V3 and its three derivatives
};

// sum_lmn c[l][m][n] of 4 x 4 x 4 coefficients with the bases of the three legs
inline Contraction contract(const double *c, int stride_l, int stride_m, const double *bl, const double *dl,
                            const double *bm, const double *dm, const double *bn, const double *dn) noexcept
{
  double y0[4] = {}, y1[4] = {}, y2[4] = {};
  for (int m = 0; m < 4; ++m) {
    const double *row = c + m * stride_m;
    const double *r1 = row + stride_l, *r2 = r1 + stride_l, *r3 = r2 + stride_l;
    for (int n = 0; n < 4; ++n) {
      const double a = (bl[0] * row[n] + bl[1] * r1[n]) + (bl[2] * r2[n] + bl[3] * r3[n]);
      const double d = (dl[0] * row[n] + dl[1] * r1[n]) + (dl[2] * r2[n] + dl[3] * r3[n]);
      y0[n] += bm[m] * a;
      y1[n] += bm[m] * d;
      y2[n] += dm[m] * a;
    }
  }
  Contraction out{0, 0, 0, 0};
  for (int n = 0; n < 4; ++n) {
    out.v += y0[n] * bn[n];
    out.ij += y1[n] * bn[n];
    out.ik += y2[n] * bn[n];
    out.jk += y0[n] * dn[n];
  }
  return out;
}

using Vector = std::array<double, 3>;

void add_share(double *out, double factor, const Vector &a, const Vector &f) noexcept
{
  out[0] += factor * a[0] * f[0];
  out[1] += factor * a[1] * f[1];
  out[2] += factor * a[2] * f[2];
  out[3] += factor * a[0] * f[1];
  out[4] += factor * a[0] * f[2];
  out[5] += factor * a[1] * f[2];
}

void add_share9(double *out, double factor, const Vector &a, const Vector &f) noexcept
{
  add_share(out, factor, a, f);
  out[6] += factor * a[1] * f[0];
  out[7] += factor * a[2] * f[0];
  out[8] += factor * a[2] * f[1];
}

// Half of a pair to each end: d from the centre to neighbour q, f the force on it.
void share_pair(Uf3Scratch &w, int q, int centre, double energy, const Vector &d, const Vector &f) noexcept
{
  for (const int atom : {q, centre}) {
    w.energy[at(atom)] += 0.5 * energy;
    add_share(&w.share[6 * at(atom)], 0.5, d, f);
    add_share9(&w.centroid[9 * at(atom)], 0.5, d, f);
  }
}

// A third of a triplet to each corner; its centroid (dj + dk) / 3 is counted from the centre.
void share_triplet(Uf3Scratch &w, int j, int k, int centre, double energy, const Vector &dj, const Vector &dk,
                   const Vector &fj, const Vector &fk) noexcept
{
  Vector to_i, to_j, to_k, fi;
  for (Index a = 0; a < 3; ++a) {
    to_i[a] = -(dj[a] + dk[a]) / 3;
    to_j[a] = dj[a] + to_i[a];
    to_k[a] = dk[a] + to_i[a];
    fi[a] = -fj[a] - fk[a];
  }
  for (const int atom : {j, k, centre}) {
    w.energy[at(atom)] += energy / 3;
    add_share(&w.share[6 * at(atom)], 1.0 / 3, dj, fj);
    add_share(&w.share[6 * at(atom)], 1.0 / 3, dk, fk);
  }
  add_share9(&w.centroid[9 * at(centre)], 1, to_i, fi);
  add_share9(&w.centroid[9 * at(j)], 1, to_j, fj);
  add_share9(&w.centroid[9 * at(k)], 1, to_k, fk);
}

template <bool PerAtom> double pair_terms(const Uf3Model &model, const Neighborhood &nb, Uf3Scratch &w) noexcept
{
  double energy = 0, shortest = std::numeric_limits<double>::infinity();
  for (int q = 0; q < nb.count; ++q) {
    const Vector d = {nb.dx[q], nb.dy[q], nb.dz[q]};
    const double r = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    const Uf3Model::Pair &pair = model.pair_table(nb.species, nb.neighbor_species[q]);
    w.distance[at(q)] = r;
    w.fx[at(q)] = w.fy[at(q)] = w.fz[at(q)] = 0;
    if (r < w.events.closest) w.events.closest = r;
    if (r >= pair.axis.hi()) continue;
    const Value v = pair_value(pair, r);
    energy += v.energy;
    if (r < pair.axis.lo()) {
      ++w.events.short_pairs;
      if (r < shortest) {
        shortest = r;
        w.closest_short = q;
      }
    }
    if (r == 0) {
      ++w.events.coincident;
      w.coincident = q;
      continue;
    }
    const double g = -v.derivative / r;
    const Vector f = {g * d[0], g * d[1], g * d[2]};
    w.fx[at(q)] = f[0];
    w.fy[at(q)] = f[1];
    w.fz[at(q)] = f[2];
    if constexpr (PerAtom) share_pair(w, q, nb.count, v.energy, d, f);
  }
  return energy;
}

// Neighbours within reach of a 3-body leg, sorted by species (counting sort), with the basis of each of their legs.
int gather_legs(const Uf3Model &model, const Neighborhood &nb, Uf3Scratch &w) noexcept
{
  const int species = static_cast<int>(model.elements().size());
  std::fill(w.first_of_species.begin(), w.first_of_species.end(), 0);
  const auto within = [&](int q) {
    const double r = w.distance[at(q)];
    return r > 0 && r < model.leg_cutoff(nb.species, nb.neighbor_species[q]);
  };
  for (int q = 0; q < nb.count; ++q)
    if (within(q)) ++w.first_of_species[at(nb.neighbor_species[q]) + 1];
  for (int b = 0; b < species; ++b) {
    w.first_of_species[at(b) + 1] += w.first_of_species[at(b)];
    w.next_of_species[at(b)] = w.first_of_species[at(b)];
  }
  for (int q = 0; q < nb.count; ++q) {
    if (!within(q)) continue;
    const int b = nb.neighbor_species[q];
    const int s = w.next_of_species[at(b)]++;
    const double r = w.distance[at(q)];
    w.index[at(s)] = q;
    w.x[at(s)] = nb.dx[q];
    w.y[at(s)] = nb.dy[q];
    w.z[at(s)] = nb.dz[q];
    w.r[at(s)] = r;
    w.gx[at(s)] = w.gy[at(s)] = w.gz[at(s)] = w.radial[at(s)] = 0;
    int slot = 0;
    for (const int axis : model.leg_axes(nb.species, b)) {
      const Index e = at(slot++) * at(w.capacity) + at(s);
      bool clamped = false;
      w.leg_first[e] = leg_basis(model.axis(axis), r, &w.basis[4 * e], &w.derivative[4 * e], clamped);
      w.leg_clamped[e] = clamped;
    }
  }
  return w.first_of_species[at(species)];
}

// All triplets of the centre with j and the neighbours k of one species.
template <bool PerAtom>
double triplet_run(const Uf3Model &model, const Uf3Model::Triplet &t, int centre, int j, int k_begin, int k_end,
                   Uf3Scratch &w) noexcept
{
  const Index ej = at(t.slot_j) * at(w.capacity) + at(j);
  if (w.leg_first[ej] < 0) return 0;
  const bool clamped_j = w.leg_clamped[ej];
  if (clamped_j && t.vanishes_at_lo[0]) return 0;
  const double *bl = &w.basis[4 * ej], *dl = &w.derivative[4 * ej];
  const double *c = t.c.data() + w.leg_first[ej] * t.stride_l;
  const SplineAxis &axis = model.axis(t.axis);
  const double xj = w.x[at(j)], yj = w.y[at(j)], zj = w.z[at(j)], hi = axis.hi();
  double energy = 0, radial_j = 0, fx = 0, fy = 0, fz = 0;
  for (int k = k_begin; k < k_end; ++k) {
    const Index ek = at(t.slot_k) * at(w.capacity) + at(k);
    const double dx = w.x[at(k)] - xj, dy = w.y[at(k)] - yj, dz = w.z[at(k)] - zj;
    const double r = std::sqrt(dx * dx + dy * dy + dz * dz);
    if (w.leg_first[ek] < 0 || r >= hi) continue;
    double bn[4], dn[4];
    bool clamped = false;
    const int n = leg_basis(axis, r, bn, dn, clamped);
    if ((clamped && t.vanishes_at_lo[2]) || (w.leg_clamped[ek] && t.vanishes_at_lo[1])) continue;
    if (clamped || clamped_j || w.leg_clamped[ek]) {
      ++w.events.clamped_triplets;
      w.clamped_j = w.index[at(j)];
      w.clamped_k = w.index[at(k)];
    }
    const Contraction v = contract(c + w.leg_first[ek] * t.stride_m + n, t.stride_l, t.stride_m, bl, dl,
                                   &w.basis[4 * ek], &w.derivative[4 * ek], bn, dn);
    const double g = r > 0 ? -v.jk / r : 0.0;  // j and k on one point: no direction, and an error for their own centres
    energy += v.v;
    radial_j += v.ij;
    w.radial[at(k)] += v.ik;
    fx += g * dx;
    fy += g * dy;
    fz += g * dz;
    w.gx[at(k)] += g * dx;
    w.gy[at(k)] += g * dy;
    w.gz[at(k)] += g * dz;
    if constexpr (PerAtom) {
      const double gj = -v.ij / w.r[at(j)], gk = -v.ik / w.r[at(k)];
      const Vector dj = {xj, yj, zj}, dk = {w.x[at(k)], w.y[at(k)], w.z[at(k)]};
      const Vector fj = {gj * dj[0] - g * dx, gj * dj[1] - g * dy, gj * dj[2] - g * dz};
      const Vector fk = {gk * dk[0] + g * dx, gk * dk[1] + g * dy, gk * dk[2] + g * dz};
      share_triplet(w, w.index[at(j)], w.index[at(k)], centre, v.v, dj, dk, fj, fk);
    }
  }
  w.radial[at(j)] += radial_j;
  w.gx[at(j)] -= fx;
  w.gy[at(j)] -= fy;
  w.gz[at(j)] -= fz;
  return energy;
}

template <bool PerAtom> double triplet_terms(const Uf3Model &model, const Neighborhood &nb, Uf3Scratch &w) noexcept
{
  const int species = static_cast<int>(model.elements().size());
  const int count = gather_legs(model, nb, w);
  double energy = 0;
  for (int a = 0; a < species; ++a)
    for (int j = w.first_of_species[at(a)]; j < w.first_of_species[at(a) + 1]; ++j)
      for (int b = a; b < species; ++b) {
        const Uf3Model::Triplet *t = model.triplet_table(nb.species, a, b);
        if (!t) continue;
        const int begin = std::max(j + 1, w.first_of_species[at(b)]), end = w.first_of_species[at(b) + 1];
        energy += triplet_run<PerAtom>(model, *t, nb.count, j, begin, end, w);
      }
  for (int s = 0; s < count; ++s) {
    const Index i = at(s), q = at(w.index[i]);
    const double g = -w.radial[i] / w.r[i];
    w.fx[q] += g * w.x[i] + w.gx[i];
    w.fy[q] += g * w.y[i] + w.gy[i];
    w.fz[q] += g * w.z[i] + w.gz[i];
  }
  return energy;
}

template <bool PerAtom> double evaluate_centre(const Uf3Model &model, const Neighborhood &nb, Uf3Scratch &w) noexcept
{
  if constexpr (PerAtom) {
    const auto atoms = nb.count + 1;
    std::fill_n(w.energy.begin(), atoms, 0.0);
    std::fill_n(w.share.begin(), 6 * atoms, 0.0);
    std::fill_n(w.centroid.begin(), 9 * atoms, 0.0);
    w.energy[at(nb.count)] = model.onebody(nb.species);
  }
  w.closest_short = w.coincident = w.clamped_j = w.clamped_k = -1;
  double energy = model.onebody(nb.species);
  energy += pair_terms<PerAtom>(model, nb, w);
  if (model.max_slots() > 0) energy += triplet_terms<PerAtom>(model, nb, w);
  w.virial = {};
  for (int q = 0; q < nb.count; ++q)
    add_share(w.virial.data(), 1, {nb.dx[q], nb.dy[q], nb.dz[q]}, {w.fx[at(q)], w.fy[at(q)], w.fz[at(q)]});
  return energy;
}

}  // namespace

double Uf3Model::pair(int a, int b, double r, double &derivative) const noexcept
{
  const Value v = pair_value(pair_table(a, b), r);
  derivative = v.derivative;
  return v.energy;
}

double Uf3Model::triplet(int centre, int j, int k, const std::array<double, 3> &r,
                         std::array<double, 3> &derivative) const noexcept
{
  derivative = {};
  const bool swapped = j > k;
  const Triplet *t = swapped ? triplet_table(centre, k, j) : triplet_table(centre, j, k);
  if (!t) return 0;
  const Index first = swapped ? 1 : 0, second = 1 - first;
  const int lower = swapped ? k : j, upper = swapped ? j : k;
  const SplineAxis &axis_j = axis(leg_axes(centre, lower)[at(t->slot_j)]);
  const SplineAxis &axis_k = axis(leg_axes(centre, upper)[at(t->slot_k)]);
  double b[3][4], d[3][4];
  bool clamped;
  const int l = leg_basis(axis_j, r[first], b[0], d[0], clamped);
  const int m = leg_basis(axis_k, r[second], b[1], d[1], clamped);
  const int n = leg_basis(axis(t->axis), r[2], b[2], d[2], clamped);
  if (l < 0 || m < 0 || n < 0) return 0;
  const Contraction v = contract(t->c.data() + l * t->stride_l + m * t->stride_m + n, t->stride_l, t->stride_m, b[0],
                                 d[0], b[1], d[1], b[2], d[2]);
  derivative[first] = v.ij;
  derivative[second] = v.ik;
  derivative[2] = v.jk;
  return v.v;
}

void Uf3Scratch::reserve(const Uf3Model &model, int count)
{
  const Index slots = at(model.max_slots()), species = model.elements().size();
  first_of_species.resize(species + 1);
  next_of_species.resize(species);
  const int room = std::max(count, capacity);
  const Index n = at(room);
  capacity = room;
  for (std::vector<double> *v : {&fx, &fy, &fz, &distance, &x, &y, &z, &r, &gx, &gy, &gz, &radial}) v->resize(n);
  energy.resize(n + 1);
  share.resize(6 * (n + 1));
  centroid.resize(9 * (n + 1));
  index.resize(n);
  leg_first.resize(slots * n);
  leg_clamped.resize(slots * n);
  basis.resize(4 * slots * n);
  derivative.resize(4 * slots * n);
}

double evaluate(const Uf3Model &model, const Neighborhood &neighborhood, Uf3Scratch &scratch, Detail detail) noexcept
{
  return detail == Detail::per_atom ? evaluate_centre<true>(model, neighborhood, scratch)
                                    : evaluate_centre<false>(model, neighborhood, scratch);
}

}  // namespace ufp
