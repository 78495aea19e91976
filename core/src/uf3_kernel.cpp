// The hot path: one centre, its bonds and its triplets. Compiled once for each instruction set (UFP_KERNEL is the name
// of the entry point), so everything else here has internal linkage and no library function is called.
//
// Distances are taken four at a time. Rows of the tables make every case alike: below the first knot, inside, beyond
// the cutoff. The basis of each leg is cached once per centre; the coefficients of a triplet are contracted leg by leg,
// the four r_jk coefficients side by side. Along a leg only the derivative is summed, and becomes a force once per
// neighbour at the end.
#include "uf3_kernel.hpp"

#include "spline_row.hpp"
#include "vector4.hpp"

namespace ufp
{
namespace
{

constexpr double tiny = 1e-280;  // keeps 1/r finite for two atoms on one point, where the force is 0 * 1/r

struct Centre {
  const KernelCall &call;
  double x, y, z;
  double fx = 0, fy = 0, fz = 0;  // force on the centre
  double energy = 0;
  double virial[6] = {};
};

// Position of neighbour j relative to the centre.
UFP_INLINE Vector4 displacement(const double *x, int j, Vector4 centre)
{
  const double *p = x + 3 * static_cast<long>(j);
  return Vector4{p[0], p[1], p[2], 0.0} - centre;
}

// Four distances to rows of a table and coordinates within them.
UFP_INLINE void rows_of(const SplineTable &t, Vector4 r, int *row, Vector4 &x)
{
  if (t.cells == 0) {
    const Vector4 offset = r - t.lo;
    const Vector4 y = smaller(larger(offset * t.inverse_cell + 1.0, broadcast(0)), broadcast(t.last - 1));
    const Integer4 index = __builtin_convertvector(y, Integer4);
    x = offset - (__builtin_convertvector(index, Vector4) - 1.0) * t.cell;
    store(row, index);
    const int beyond = bits(r >= t.hi);
    if (beyond)
      for (int lane = 0; lane < 4; ++lane)
        if (beyond >> lane & 1) row[lane] = t.last;
  } else {
    double at[4];
    for (int lane = 0; lane < 4; ++lane) row[lane] = spline_row(t, r[lane], at[lane]);
    x = load(at);
  }
}

UFP_INLINE void add_share(double *out, double factor, const double *a, const double *f)
{
  out[0] += factor * a[0] * f[0];
  out[1] += factor * a[1] * f[1];
  out[2] += factor * a[2] * f[2];
  out[3] += factor * a[0] * f[1];
  out[4] += factor * a[0] * f[2];
  out[5] += factor * a[1] * f[2];
}

UFP_INLINE void add_share9(double *out, double factor, const double *a, const double *f)
{
  add_share(out, factor, a, f);
  out[6] += factor * a[1] * f[0];
  out[7] += factor * a[2] * f[0];
  out[8] += factor * a[2] * f[1];
}

// Half of a bond to each end: d from the centre to the neighbour, f the force on it.
void share_bond(const KernelCall &call, int j, double energy, const double *d, const double *f)
{
  for (const int atom : {j, call.centre.centre}) {
    if (call.sums.atom_energy) call.sums.atom_energy[atom] += 0.5 * energy;
    if (call.sums.atom_virial) add_share(call.sums.atom_virial + 6 * static_cast<long>(atom), 0.5, d, f);
    if (call.sums.atom_centroid) add_share9(call.sums.atom_centroid + 9 * static_cast<long>(atom), 0.5, d, f);
  }
}

// A third of a triplet to each corner; its centroid (dj + dk) / 3 is counted from the centre.
void share_triplet(const KernelCall &call, int j, int k, double energy, const double *dj, const double *dk,
                   const double *fj, const double *fk)
{
  const int i = call.centre.centre;
  for (const int atom : {j, k, i}) {
    if (call.sums.atom_energy) call.sums.atom_energy[atom] += energy / 3;
    if (!call.sums.atom_virial) continue;
    add_share(call.sums.atom_virial + 6 * static_cast<long>(atom), 1.0 / 3, dj, fj);
    add_share(call.sums.atom_virial + 6 * static_cast<long>(atom), 1.0 / 3, dk, fk);
  }
  if (!call.sums.atom_centroid) return;
  double to_i[3], to_j[3], to_k[3], fi[3];
  for (int a = 0; a < 3; ++a) {
    to_i[a] = -(dj[a] + dk[a]) / 3;
    to_j[a] = dj[a] + to_i[a];
    to_k[a] = dk[a] + to_i[a];
    fi[a] = -fj[a] - fk[a];
  }
  add_share9(call.sums.atom_centroid + 9 * static_cast<long>(i), 1, to_i, fi);
  add_share9(call.sums.atom_centroid + 9 * static_cast<long>(j), 1, to_j, fj);
  add_share9(call.sums.atom_centroid + 9 * static_cast<long>(k), 1, to_k, fk);
}

// Rare, so kept out of the loops.
__attribute__((noinline)) void note_bonds(const Centre &c, const SplineTable &t, const int *index, Vector4 r,
                                          int inside)
{
  DomainEvents &events = c.call.events;
  for (int lane = 0; lane < 4; ++lane) {
    if (!(inside >> lane & 1)) continue;
    if (r[lane] < t.lo) {
      events.short_pairs += static_cast<long>(c.call.centre.bond_weight);
      if (r[lane] < events.shortest) {
        events.shortest = r[lane];
        events.short_i = c.call.centre.centre;
        events.short_j = index[lane];
      }
    }
    if (!(r[lane] > 2 * __builtin_sqrt(tiny))) {
      events.coincident += static_cast<long>(c.call.centre.bond_weight);
      events.coincident_i = c.call.centre.centre;
      events.coincident_j = index[lane];
    }
  }
}

template <bool Virial, bool PerAtom> void bond_terms(Centre &c)
{
  const KernelCall &call = c.call;
  const Neighborhood &nb = call.centre;
  const Vector4 centre = {c.x, c.y, c.z, 0.0};
  const double weight = nb.bond_weight;
  const Vector4 lanes = {0, 1, 2, 3};
  Vector4 energy = {}, fx = {}, fy = {}, fz = {}, closest = broadcast(call.events.closest), w[6] = {};
  for (int b = 0; b < call.tables.species; ++b) {
    const SplineTable &t = call.tables.pair[nb.species * call.tables.species + b];
    for (int q = nb.bonds.first[b]; q < nb.bonds.first[b + 1]; q += 4) {
      const int *j = nb.bonds.index + q;
      const Mask4 valid = lanes < broadcast(nb.bonds.first[b + 1] - q);
      Vector4 dx = displacement(nb.x, j[0], centre), dy = displacement(nb.x, j[1], centre);
      Vector4 dz = displacement(nb.x, j[2], centre), d3 = displacement(nb.x, j[3], centre);
      transpose(dx, dy, dz, d3);
      const Vector4 r = root(larger(dx * dx + dy * dy + dz * dz, broadcast(tiny)));
      closest = smaller(closest, valid ? r : closest);
      const Mask4 inside = valid & (r < t.hi);
      const int any = bits(inside);
      if (!any) continue;
      if (any & bits(r < t.lo)) note_bonds(c, t, j, r, any);
      int row[4];
      Vector4 x;
      rows_of(t, r, row, x);
      Vector4 p0 = load(t.polynomials + 4 * row[0]), p1 = load(t.polynomials + 4 * row[1]);
      Vector4 p2 = load(t.polynomials + 4 * row[2]), p3 = load(t.polynomials + 4 * row[3]);
      transpose(p0, p1, p2, p3);
      const Vector4 h2 = p2 + x * p3, h1 = p1 + x * h2;
      const Vector4 v = inside ? weight * (p0 + x * h1) : Vector4{};
      const Vector4 g = inside ? -weight * (h1 + x * (h2 + x * p3)) / r : Vector4{};
      Vector4 gx = g * dx, gy = g * dy, gz = g * dz;
      energy += v;
      fx += gx;
      fy += gy;
      fz += gz;
      if constexpr (Virial) {
        w[0] += dx * gx;
        w[1] += dy * gy;
        w[2] += dz * gz;
        w[3] += dx * gy;
        w[4] += dx * gz;
        w[5] += dy * gz;
      }
      if constexpr (PerAtom)
        for (int lane = 0; lane < 4; ++lane) {
          if (!(any >> lane & 1)) continue;
          const double d[] = {dx[lane], dy[lane], dz[lane]}, f[] = {gx[lane], gy[lane], gz[lane]};
          share_bond(call, j[lane], v[lane], d, f);
        }
      for (int lane = 0; lane < 4; ++lane) {
        double *f = call.sums.force + 3 * static_cast<long>(j[lane]);
        f[0] += gx[lane];
        f[1] += gy[lane];
        f[2] += gz[lane];
      }
    }
  }
  c.energy += sum(energy);
  c.fx -= sum(fx);
  c.fy -= sum(fy);
  c.fz -= sum(fz);
  for (int lane = 0; lane < 4; ++lane)
    if (closest[lane] < call.events.closest) call.events.closest = closest[lane];
  if constexpr (Virial)
    for (int a = 0; a < 6; ++a) c.virial[a] += sum(w[a]);
}

// The neighbours within reach of a 3-body leg, with the basis of each of their legs. True if one of them is clamped.
bool gather_legs(const Centre &c, int &count)
{
  const Neighborhood &nb = c.call.centre;
  const Uf3Tables &tables = c.call.tables;
  Uf3Work &w = c.call.work;
  const Vector4 centre = {c.x, c.y, c.z, 0.0};
  const Vector4 lanes = {0, 1, 2, 3};
  int n = 0;
  bool clamped = false;
  for (int b = 0; b < tables.species; ++b) {
    const int type = nb.species * tables.species + b;
    const double cutoff = tables.leg_cutoff[type];
    const int begin = n;
    w.run[b] = n;
    for (int q = nb.legs.first[b]; q < nb.legs.first[b + 1]; q += 4) {
      const int *j = nb.legs.index + q;
      Vector4 dx = displacement(nb.x, j[0], centre), dy = displacement(nb.x, j[1], centre);
      Vector4 dz = displacement(nb.x, j[2], centre), d3 = displacement(nb.x, j[3], centre);
      transpose(dx, dy, dz, d3);
      const Vector4 r = root(dx * dx + dy * dy + dz * dz);
      const Mask4 inside = (lanes < broadcast(nb.legs.first[b + 1] - q)) & (r < cutoff) & (r > 0.0);
      const int any = bits(inside);
      if (!any) continue;
      for (int lane = 0; lane < 4; ++lane) {  // overwritten by the next one if outside: no branch
        w.index[n] = j[lane];
        w.x[n] = dx[lane];
        w.y[n] = dy[lane];
        w.z[n] = dz[lane];
        w.r[n] = r[lane];
        n += any >> lane & 1;
      }
    }
    for (int slot = 0; slot < tables.slot_count[type]; ++slot) {
      const SplineTable &t = *tables.slot[type * tables.slots + slot];
      const long offset = static_cast<long>(slot) * w.capacity;
      for (int s = begin; s < n; s += 4) {
        int row[4];
        Vector4 x;
        rows_of(t, load(w.r + s), row, x);
        for (int lane = 0; lane < 4; ++lane) {
          const double *p = t.polynomials + 16 * row[lane];
          const Vector4 p3 = load(p + 12), at = broadcast(x[lane]);
          const Vector4 h2 = load(p + 8) + at * p3, h1 = load(p + 4) + at * h2;
          const long e = offset + s + lane;
          store(w.basis + 4 * e, load(p) + at * h1);
          store(w.slope + 4 * e, h1 + at * (h2 + at * p3));
          w.first[e] = t.first[row[lane]];
        }
      }
      for (int s = begin; s < n; ++s) clamped = clamped || w.r[s] < t.lo;
    }
  }
  w.run[tables.species] = n;
  for (int s = 0; s < n + 3; s += 4) {
    store(w.gx + s, Vector4{});
    store(w.gy + s, Vector4{});
    store(w.gz + s, Vector4{});
    store(w.radial + s, Vector4{});
  }
  // lanes behind the last neighbour: anything finite
  store(w.x + n, broadcast(1));
  store(w.y + n, broadcast(1));
  store(w.z + n, broadcast(1));
  store(w.r + n, broadcast(1));
  count = n;
  return clamped;
}

// What the contractions with the r_ij and r_ik bases leave for the four r_jk coefficients.
struct Partial {
  Vector4 v, ij, ik;
};

UFP_INLINE void add_row(Partial &p, double b, double slope, Vector4 value, Vector4 derivative)
{
  p.v += b * value;
  p.ij += b * derivative;
  p.ik += slope * value;
}

// The leg r_ij, with the 4 x 4 x 4 coefficients of one triplet.
struct Leg {
  Vector4 b[4], d[4];
};

UFP_INLINE void contract_leg(const Leg &leg, const double *c, long stride, Vector4 &value, Vector4 &derivative)
{
  const Vector4 r0 = load(c), r1 = load(c + stride), r2 = load(c + 2 * stride), r3 = load(c + 3 * stride);
  value = (leg.b[0] * r0 + leg.b[1] * r1) + (leg.b[2] * r2 + leg.b[3] * r3);
  derivative = (leg.d[0] * r0 + leg.d[1] * r1) + (leg.d[2] * r2 + leg.d[3] * r3);
}

// V3, dV/dr_ij, dV/dr_ik, dV/dr_jk
UFP_INLINE Vector4 finish(const Partial &p, const SplineTable &t, int row, double at)
{
  const double *polynomials = t.polynomials + 16 * row;
  const Vector4 x = broadcast(at), p3 = load(polynomials + 12);
  const Vector4 h2 = load(polynomials + 8) + x * p3, h1 = load(polynomials + 4) + x * h2;
  const Vector4 b = load(polynomials) + x * h1, d = h1 + x * (h2 + x * p3);
  return sums(p.v * b, p.ij * b, p.ik * b, p.v * d);
}

// All triplets of the centre with j and the neighbours k of one species: V3 and derivatives to work.result.
template <bool Prune>
void triplet_run(const TripletTable &t, const Uf3Work &w, int j, int begin, int end)
{
  const long ej = static_cast<long>(t.slot_j) * w.capacity + j, ek = static_cast<long>(t.slot_k) * w.capacity;
  const SplineTable &axis = *t.axis;
  const double *c = t.c + static_cast<long>(w.first[ej]) * t.stride_l;
  Leg leg;
  for (int a = 0; a < 4; ++a) {
    leg.b[a] = broadcast(w.basis[4 * ej + a]);
    leg.d[a] = broadcast(w.slope[4 * ej + a]);
  }
  int hits = end - begin;
  if constexpr (Prune) {
    hits = 0;
    for (int k = begin; k < end; ++k) {
      w.hit[hits] = k;
      hits += w.row[k] != axis.last;
      store(w.result + 4 * k, Vector4{});
    }
  }
  const int columns = (t.stride_m + 3) / 4;
  if (4 * hits > t.rows * columns) {
    // worth contracting the whole block with the leg r_ij once
    const long width = 4 * columns;
    double *const value = w.window, *const derivative = w.window + width * t.rows;
    for (int m = 0; m < t.rows; ++m)
      for (int n = 0; n < columns; ++n) {
        Vector4 a, d;
        contract_leg(leg, c + m * t.stride_m + 4 * n, t.stride_l, a, d);
        store(value + m * width + 4 * n, a);
        store(derivative + m * width + 4 * n, d);
      }
    for (int h = 0; h < hits; ++h) {
      const int k = Prune ? w.hit[h] : begin + h;
      const double *b = w.basis + 4 * (ek + k), *d = w.slope + 4 * (ek + k);
      const long offset = w.first[ek + k] * width + axis.first[w.row[k]];
      Partial p = {};
      for (int m = 0; m < 4; ++m)
        add_row(p, b[m], d[m], load(value + offset + m * width), load(derivative + offset + m * width));
      store(w.result + 4 * k, finish(p, axis, w.row[k], w.kt[k]));
    }
  } else {
    for (int h = 0; h < hits; ++h) {
      const int k = Prune ? w.hit[h] : begin + h;
      const double *b = w.basis + 4 * (ek + k), *d = w.slope + 4 * (ek + k);
      const double *corner = c + static_cast<long>(w.first[ek + k]) * t.stride_m + axis.first[w.row[k]];
      Partial p = {};
      for (int m = 0; m < 4; ++m) {
        Vector4 value, derivative;
        contract_leg(leg, corner + m * t.stride_m, t.stride_l, value, derivative);
        add_row(p, b[m], d[m], value, derivative);
      }
      store(w.result + 4 * k, finish(p, axis, w.row[k], w.kt[k]));
    }
  }
}

// Count the triplets of a run with a distance below its first knot that still have an energy or a force.
__attribute__((noinline)) void note_clamped(const Centre &c, const TripletTable &t, int j, int b, int begin, int end,
                                            int a)
{
  const Uf3Work &w = c.call.work;
  const Uf3Tables &tables = c.call.tables;
  const SplineTable &leg_j = *tables.slot[(c.call.centre.species * tables.species + a) * tables.slots + t.slot_j];
  const SplineTable &leg_k = *tables.slot[(c.call.centre.species * tables.species + b) * tables.slots + t.slot_k];
  for (int k = begin; k < end; ++k) {
    if (!(w.r[j] < leg_j.lo || w.r[k] < leg_k.lo || w.row[k] == 0)) continue;
    const double *v = w.result + 4 * k;
    if (v[0] == 0 && v[1] == 0 && v[2] == 0 && v[3] == 0) continue;
    DomainEvents &events = c.call.events;
    ++events.clamped_triplets;
    events.clamped_i = c.call.centre.centre;
    events.clamped_j = w.index[j];
    events.clamped_k = w.index[k];
  }
}

__attribute__((noinline)) void share_triplets(const Centre &c, int j, int n)
{
  const Uf3Work &w = c.call.work;
  for (int k = j + 1; k < n; ++k) {
    const double *v = w.result + 4 * k;
    const double gj = -v[1] / w.r[j], gk = -v[2] / w.r[k], g = -v[3] / w.kr[k];
    const double dj[] = {w.x[j], w.y[j], w.z[j]}, dk[] = {w.x[k], w.y[k], w.z[k]};
    const double between[] = {w.kx[k], w.ky[k], w.kz[k]};
    double fj[3], fk[3];
    for (int a = 0; a < 3; ++a) {
      fj[a] = gj * dj[a] - g * between[a];
      fk[a] = gk * dk[a] + g * between[a];
    }
    share_triplet(c.call, w.index[j], w.index[k], v[0], dj, dk, fj, fk);
  }
}

template <bool Virial, bool PerAtom> void triplet_terms(Centre &c)
{
  const Uf3Tables &tables = c.call.tables;
  const Neighborhood &nb = c.call.centre;
  const Uf3Work &w = c.call.work;
  int n = 0;
  const bool clamped = gather_legs(c, n);
  Vector4 energy = {};
  int a = 0;  // species of j
  for (int j = 0; j + 1 < n; ++j) {
    while (j >= w.run[a + 1]) ++a;
    for (int k = j + 1; k < n; k += 4) {
      const Vector4 dx = load(w.x + k) - w.x[j], dy = load(w.y + k) - w.y[j], dz = load(w.z + k) - w.z[j];
      store(w.kx + k, dx);
      store(w.ky + k, dy);
      store(w.kz + k, dz);
      store(w.kr + k, root(larger(dx * dx + dy * dy + dz * dz, broadcast(tiny))));
    }
    for (int b = a; b < tables.species; ++b) {
      const int begin = j + 1 > w.run[b] ? j + 1 : w.run[b], end = w.run[b + 1];
      if (begin >= end) continue;
      const TripletTable *t = tables.triplet[(nb.species * tables.species + a) * tables.species + b];
      if (!t) {
        for (int k = begin; k < end; ++k) store(w.result + 4 * k, Vector4{});
        continue;
      }
      Vector4 nearest = load(w.kr + begin);
      for (int k = begin; k < end; k += 4) {
        Vector4 x;
        const Vector4 r = load(w.kr + k);
        rows_of(*t->axis, r, w.row + k, x);
        store(w.kt + k, x);
        nearest = smaller(nearest, r);
      }
      if (t->prune)
        triplet_run<true>(*t, w, j, begin, end);
      else
        triplet_run<false>(*t, w, j, begin, end);
      if (clamped || bits(nearest < t->axis->lo)) note_clamped(c, *t, j, b, begin, end, a);
    }
    for (int lane = 0; lane < 3; ++lane) store(w.result + 4 * (n + lane), Vector4{});
    if constexpr (PerAtom) share_triplets(c, j, n);
    Vector4 radial = {}, fx = {}, fy = {}, fz = {};
    for (int k = j + 1; k < n; k += 4) {
      Vector4 v = load(w.result + 4 * k), ij = load(w.result + 4 * k + 4);
      Vector4 ik = load(w.result + 4 * k + 8), jk = load(w.result + 4 * k + 12);
      transpose(v, ij, ik, jk);
      const Vector4 g = jk / load(w.kr + k);
      const Vector4 gx = g * load(w.kx + k), gy = g * load(w.ky + k), gz = g * load(w.kz + k);
      energy += v;
      radial += ij;
      fx += gx;
      fy += gy;
      fz += gz;
      store(w.radial + k, load(w.radial + k) + ik);
      store(w.gx + k, load(w.gx + k) - gx);
      store(w.gy + k, load(w.gy + k) - gy);
      store(w.gz + k, load(w.gz + k) - gz);
    }
    w.radial[j] += sum(radial);
    w.gx[j] += sum(fx);
    w.gy[j] += sum(fy);
    w.gz[j] += sum(fz);
  }
  c.energy += sum(energy);

  Vector4 total_x = {}, total_y = {}, total_z = {}, virial[6] = {};
  for (int s = n; s < n + 3; ++s) w.radial[s] = w.gx[s] = w.gy[s] = w.gz[s] = 0;
  for (int s = 0; s < n; s += 4) {
    const Vector4 x = load(w.x + s), y = load(w.y + s), z = load(w.z + s);
    const Vector4 g = load(w.radial + s) / load(w.r + s);
    const Vector4 fx = load(w.gx + s) - g * x, fy = load(w.gy + s) - g * y, fz = load(w.gz + s) - g * z;
    store(w.gx + s, fx);
    store(w.gy + s, fy);
    store(w.gz + s, fz);
    total_x += fx;
    total_y += fy;
    total_z += fz;
    if constexpr (Virial) {
      virial[0] += x * fx;
      virial[1] += y * fy;
      virial[2] += z * fz;
      virial[3] += x * fy;
      virial[4] += x * fz;
      virial[5] += y * fz;
    }
  }
  c.fx -= sum(total_x);
  c.fy -= sum(total_y);
  c.fz -= sum(total_z);
  if constexpr (Virial)
    for (int q = 0; q < 6; ++q) c.virial[q] += sum(virial[q]);
  for (int s = 0; s < n; ++s) {
    double *f = c.call.sums.force + 3 * static_cast<long>(w.index[s]);
    f[0] += w.gx[s];
    f[1] += w.gy[s];
    f[2] += w.gz[s];
  }
}

template <bool Virial, bool PerAtom> void evaluate_centre(const KernelCall &call)
{
  const int i = call.centre.centre;
  const double *x = call.centre.x + 3 * static_cast<long>(i);
  Centre c{call, x[0], x[1], x[2]};
  const double onebody = call.tables.onebody[call.centre.species];
  c.energy = onebody;
  if (PerAtom && call.sums.atom_energy) call.sums.atom_energy[i] += onebody;
  bond_terms<Virial, PerAtom>(c);
  if (call.tables.slots > 0) triplet_terms<Virial, PerAtom>(c);
  double *f = call.sums.force + 3 * static_cast<long>(i);
  f[0] += c.fx;
  f[1] += c.fy;
  f[2] += c.fz;
  call.sums.energy += c.energy;
  for (int a = 0; a < 6; ++a) call.sums.virial[a] += c.virial[a];
}

}  // namespace

void UFP_KERNEL(const KernelCall &call) noexcept
{
  switch (call.detail) {
  case Detail::forces:
    return evaluate_centre<false, false>(call);
  case Detail::virial:
    return evaluate_centre<true, false>(call);
  default:
    return evaluate_centre<true, true>(call);
  }
}

}  // namespace ufp
