// The hot path: one centre, its bonds and its triplets. Compiled once for each instruction set (UFP_KERNEL is the name
// of the entry point), so everything else here has internal linkage and no library function is called.
//
// Distances are taken four at a time. Rows of the tables make every case alike: below the first knot, inside, beyond
// the cutoff. The basis of each leg is cached once per centre; the coefficients of a triplet are contracted leg by leg,
// the four r_jk coefficients side by side. Along a leg only the derivative is summed, and becomes a force once per
// neighbour at the end.
#include "uf3_kernel.hpp"

#include "spline_row4.hpp"
#include "uf3_legs.hpp"
#include "uf3_shares.hpp"
#include "vector4.hpp"

namespace ufp
{
namespace
{

struct Centre {
  const KernelCall &call;
  double x, y, z;
  double fx = 0, fy = 0, fz = 0;  // force on the centre
  double energy = 0;
  double virial[6] = {};
};

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
  // copies: the compiler must take every store below for one that may change them
  const KernelCall &call = c.call;
  const Neighborhood nb = call.centre;
  double *const force = call.sums.force;
  const Vector4 centre = {c.x, c.y, c.z, 0.0};
  const double weight = nb.bond_weight;
  const Vector4 lanes = {0, 1, 2, 3};
  Vector4 energy = {}, fx = {}, fy = {}, fz = {}, closest = broadcast(call.events.closest), w[6] = {};
  for (int b = 0; b < call.tables.species; ++b) {
    const SplineTable t = call.tables.pair[nb.species * call.tables.species + b];
    for (int q = nb.bonds.first[b]; q < nb.bonds.first[b + 1]; q += 4) {
      const int *j = nb.bonds.index + q;
      const Mask4 valid = lanes < broadcast(nb.bonds.first[b + 1] - q);
      Vector4 dx = displacement(nb.x, j[0], centre), dy = displacement(nb.x, j[1], centre);
      Vector4 dz = displacement(nb.x, j[2], centre), d3 = displacement(nb.x, j[3], centre);
      transpose(dx, dy, dz, d3);
      const Vector4 r = root(larger(dx * dx + dy * dy + dz * dz, broadcast(tiny)));
      closest = smaller(closest, select(valid, r, closest));
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
      const Vector4 v = select(inside, weight * (p0 + x * h1), Vector4{});
      const Vector4 g = select(inside, -weight * (h1 + x * (h2 + x * p3)) / r, Vector4{});
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
      Vector4 last = {};
      transpose(gx, gy, gz, last);
      add3(force + 3 * static_cast<long>(j[0]), gx);
      add3(force + 3 * static_cast<long>(j[1]), gy);
      add3(force + 3 * static_cast<long>(j[2]), gz);
      add3(force + 3 * static_cast<long>(j[3]), last);
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
  const Vector4 r0 = load_once(c), r1 = load_once(c + stride);
  const Vector4 r2 = load_once(c + 2 * stride), r3 = load_once(c + 3 * stride);
  value = leg.b[0] * r0 + leg.b[1] * r1 + leg.b[2] * r2 + leg.b[3] * r3;
  derivative = leg.d[0] * r0 + leg.d[1] * r1 + leg.d[2] * r2 + leg.d[3] * r3;
}

// V3, dV/dr_ij, dV/dr_ik, dV/dr_jk
UFP_INLINE Vector4 finish(const Partial &p, const double *polynomials, double at)
{
  const Vector4 x = broadcast(at), p3 = load(polynomials + 12);
  const Vector4 h2 = load(polynomials + 8) + x * p3, h1 = load(polynomials + 4) + x * h2;
  const Vector4 b = load(polynomials) + x * h1, d = h1 + x * (h2 + x * p3);
  return sums(p.v * b, p.ij * b, p.ik * b, p.v * d);
}

// All triplets of the centre with j and the neighbours k of one species: V3 and derivatives to work.result.
template <bool Prune> void triplet_run(const TripletTable &t, const Uf3Work &w, int j, int begin, int end)
{
  // copies: the compiler must take every store below for one that may change the tables and the work
  const SplineTable axis = *t.axis;
  const long offset_j = static_cast<long>(t.slot_j) * w.capacity + j,
             offset_k = static_cast<long>(t.slot_k) * w.capacity;
  const double *const bases = w.basis + 8 * offset_k, *const at = w.kt;
  const int *const first = w.first + offset_k, *const row = w.row;
  double *const result = w.result;
  int *const hit = w.hit;
  const long stride_m = t.stride_m, stride_l = t.stride_l;
  const double *const c = t.c + w.first[offset_j] * stride_l;
  Leg leg;
  for (int a = 0; a < 4; ++a) {
    leg.b[a] = broadcast(w.basis[8 * offset_j + a]);
    leg.d[a] = broadcast(w.basis[8 * offset_j + 4 + a]);
  }
  int hits = end - begin;
  if constexpr (Prune) {
    hits = 0;
    for (int k = begin; k < end; ++k) {
      hit[hits] = k;
      hits += row[k] != axis.last;
      store(result + 4 * k, Vector4{});
    }
  }
  if (12 * hits > t.block) {
    // worth contracting the whole block with the leg r_ij once
    double *const value = w.window, *const derivative = w.window + t.block;
    for (int q = 0; q < t.block; q += 4) {
      Vector4 a, d;
      contract_leg(leg, c + q, stride_l, a, d);
      store(value + q, a);
      store(derivative + q, d);
    }
    for (int h = 0; h < hits; ++h) {
      const long k = Prune ? hit[h] : begin + h;
      const double *b = bases + 8 * k;
      const long offset = first[k] * stride_m + axis.first[row[k]];
      const double *v = value + offset, *d = derivative + offset;
      Partial p = {};
      for (int m = 0; m < 4; ++m, v += stride_m, d += stride_m) add_row(p, b[m], b[4 + m], load_once(v), load(d));
      store(result + 4 * k, finish(p, axis.polynomials + 16 * row[k], at[k]));
    }
  } else {
    for (int h = 0; h < hits; ++h) {
      const long k = Prune ? hit[h] : begin + h;
      const double *b = bases + 8 * k;
      const double *corner = c + first[k] * stride_m + axis.first[row[k]];
      Partial p = {};
      for (int m = 0; m < 4; ++m, corner += stride_m) {
        Vector4 value, derivative;
        contract_leg(leg, corner, stride_l, value, derivative);
        add_row(p, b[m], b[4 + m], value, derivative);
      }
      store(result + 4 * k, finish(p, axis.polynomials + 16 * row[k], at[k]));
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

__attribute__((noinline)) void share_triplets(const Centre &c, int j, int begin, int end)
{
  const Uf3Work &w = c.call.work;
  for (int k = begin; k < end; ++k) {
    const double *v = w.result + 4 * k;
    const double gj = -v[1] / w.r[j], gk = -v[2] / w.r[k], g = -v[3] / w.kr[k];
    const double dj[] = {w.x[j], w.y[j], w.z[j]}, dk[] = {w.x[k], w.y[k], w.z[k]};
    const double between[] = {dk[0] - dj[0], dk[1] - dj[1], dk[2] - dj[2]};
    double fj[3], fk[3];
    for (int a = 0; a < 3; ++a) {
      fj[a] = gj * dj[a] - g * between[a];
      fk[a] = gk * dk[a] + g * between[a];
    }
    share_triplet(c.call, w.index[j], w.index[k], v[0], dj, dk, fj, fk);
  }
}

// Distances of the current j to the neighbours begin .. end-1 and their rows on the axis; true if one of them is below
// its first knot.
UFP_INLINE bool measure(const SplineTable *axis, const Uf3Work &w, int j, int begin, int end)
{
  const SplineTable t = *axis;
  const Vector4 xj = broadcast(w.x[j]), yj = broadcast(w.y[j]), zj = broadcast(w.z[j]);
  Mask4 below = {};
  for (int k = begin; k < end; k += 4) {
    const Vector4 dx = xj - load(w.x + k), dy = yj - load(w.y + k), dz = zj - load(w.z + k);
    const Vector4 r = root(larger(dx * dx + dy * dy + dz * dz, broadcast(tiny)));
    store(w.kr + k, r);
    Vector4 x;
    rows_of(t, r, w.row + k, x);
    store(w.kt + k, x);
    below |= r < t.lo;
  }
  return bits(below) != 0;
}

// What the triplets of one j add to the energy and to j itself.
struct Gain {
  Vector4 energy = {}, radial = {}, across = {}, fx = {}, fy = {}, fz = {};
};

// Add the results of the triplets of j with begin .. end-1. Across a leg pair the force on atom p is
// sum_q g_pq (x_q - x_p) with g = -V3'(r_jk) / r_jk up to sign, along its leg it is -V3'(r) x_p / r: sums of g x_q, and
// one of all factors of -x_p (the "stiffness").
UFP_INLINE void add_triplets(const Uf3Work &w, int j, int begin, int end, Gain &gain)
{
  const Vector4 xj = broadcast(w.x[j]), yj = broadcast(w.y[j]), zj = broadcast(w.z[j]);
  // lanes behind the last neighbour add nothing
  for (int lane = 0; lane < 3; ++lane) store(w.result + 4 * (end + lane), Vector4{});
  for (int k = begin; k < end; k += 4) {
    Vector4 v = load(w.result + 4 * k), ij = load(w.result + 4 * k + 4);
    Vector4 ik = load(w.result + 4 * k + 8), jk = load(w.result + 4 * k + 12);
    transpose(v, ij, ik, jk);
    const Vector4 g = jk / load(w.kr + k);
    gain.energy += v;
    gain.radial += ij;
    gain.across += g;
    gain.fx += g * load(w.x + k);
    gain.fy += g * load(w.y + k);
    gain.fz += g * load(w.z + k);
    store(w.stiffness + k, load(w.stiffness + k) + (g + ik * load(w.inverse + k)));
    store(w.fx + k, load(w.fx + k) + g * xj);
    store(w.fy + k, load(w.fy + k) + g * yj);
    store(w.fz + k, load(w.fz + k) + g * zj);
  }
}

template <bool Virial, bool PerAtom> void triplet_terms(Centre &c)
{
  const Uf3Tables tables = c.call.tables;
  const Neighborhood &nb = c.call.centre;
  int n = 0;
  const bool clamped = gather_legs(c.call, Vector4{c.x, c.y, c.z, 0.0}, n);
  const Uf3Work w = c.call.work;  // a copy: no store below can change it
  Vector4 energy = {};
  for (int a = 0; a < tables.species; ++a) {
    const TripletTable *const *const blocks = tables.triplet + (nb.species * tables.species + a) * tables.species;
    const int type = nb.species * tables.species + a;
    int j = w.run[a];
    for (int shell = 0; shell < tables.slot_count[type]; ++shell) {
      // only the blocks whose leg reaches this shell of j
      for (int b = 0; b < tables.species; ++b) {
        const TripletTable *t = blocks[b];
        w.end[b] = t && t->slot_j >= shell ? w.reach[b * tables.slots + t->slot_k] : 0;
      }
      for (const int last = w.reach[a * tables.slots + shell]; j < last; ++j) {
        Gain gain;
        for (int b = 0; b < tables.species;) {
          const int begin = b == a ? j + 1 : w.run[b];
          int next = b + 1, end = w.end[b];
          if (begin >= end) {
            b = next;
            continue;
          }
          // what follows without a gap on the same axis is done at once
          const SplineTable *const axis = blocks[b]->axis;
          for (; next < tables.species && end == w.run[next] && end < w.end[next]; ++next) {
            if (next == a || blocks[next]->axis != axis) break;
            end = w.end[next];
          }
          const bool below = measure(axis, w, j, begin, end);
          for (int from = begin; b < next; ++b) {
            const int to = w.end[b];
            if (blocks[b]->prune)
              triplet_run<true>(*blocks[b], w, j, from, to);
            else
              triplet_run<false>(*blocks[b], w, j, from, to);
            if (clamped || below) note_clamped(c, *blocks[b], j, b, from, to, a);
            from = to;
          }
          if constexpr (PerAtom) share_triplets(c, j, begin, end);
          add_triplets(w, j, begin, end, gain);
        }
        energy += gain.energy;
        const Vector4 total = sums(gain.across + gain.radial * w.inverse[j], gain.fx, gain.fy, gain.fz);
        w.stiffness[j] += total[0];
        w.fx[j] += total[1];
        w.fy[j] += total[2];
        w.fz[j] += total[3];
      }
    }
  }
  c.energy += sum(energy);

  Vector4 total_x = {}, total_y = {}, total_z = {}, virial[6] = {};
  for (int s = n; s < n + 3; ++s) w.stiffness[s] = w.fx[s] = w.fy[s] = w.fz[s] = 0;
  for (int s = 0; s < n; s += 4) {
    const Vector4 x = load(w.x + s), y = load(w.y + s), z = load(w.z + s), g = load(w.stiffness + s);
    Vector4 fx = load(w.fx + s) - g * x, fy = load(w.fy + s) - g * y, fz = load(w.fz + s) - g * z;
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
    Vector4 last = {};
    transpose(fx, fy, fz, last);
    store(w.result + 4 * s, fx);
    store(w.result + 4 * s + 4, fy);
    store(w.result + 4 * s + 8, fz);
    store(w.result + 4 * s + 12, last);
  }
  c.fx -= sum(total_x);
  c.fy -= sum(total_y);
  c.fz -= sum(total_z);
  if constexpr (Virial)
    for (int q = 0; q < 6; ++q) c.virial[q] += sum(virial[q]);
  double *const force = c.call.sums.force;
  for (int s = 0; s < n; ++s) add3(force + 3 * static_cast<long>(w.index[s]), load(w.result + 4 * s));
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
