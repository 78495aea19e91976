// The legs of the triplets of one centre. Internal linkage, see spline_row.hpp.
#pragma once

#include "spline_row4.hpp"
#include "uf3_kernel.hpp"
#include "vector4.hpp"

namespace ufp
{

constexpr double tiny = 1e-280;  // keeps 1/r finite for two atoms on one point, where the force is 0 * 1/r

// Position of neighbour j relative to the centre.
UFP_INLINE Vector4 displacement(const double *x, int j, Vector4 centre)
{
  const double *p = x + 3 * static_cast<long>(j);
  return Vector4{p[0], p[1], p[2], 0.0} - centre;
}

// The neighbours within reach of a 3-body leg, with the basis of each of their legs. Those of a species lie in shells
// between the cutoffs of its leg axes, so that those within reach of one axis are a prefix of the run. True if one of
// them is clamped.
static bool gather_legs(const KernelCall &call, Vector4 centre, int &count)
{
  const Neighborhood &nb = call.centre;
  const Uf3Tables &tables = call.tables;
  const Uf3Work w = call.work;
  const Vector4 lanes = {0, 1, 2, 3};
  int n = 0;
  bool clamped = false;
  for (int b = 0; b < tables.species; ++b) {
    const int type = nb.species * tables.species + b;
    const SplineTable *const *const slot = tables.slot + type * tables.slots;
    int *const reach = w.reach + b * tables.slots;
    const int begin = n;
    w.run[b] = n;
    const int end = nb.legs.first[b + 1];
    double inner = tiny;  // squared radii of a shell
    for (int axis = 0; axis < tables.slot_count[type]; ++axis) {
      const double outer = slot[axis]->hi * slot[axis]->hi;
      for (int q = nb.legs.first[b]; q < end && outer > inner; q += 4) {
        const int *j = nb.legs.index + q;
        const Vector4 d0 = displacement(nb.x, j[0], centre), d1 = displacement(nb.x, j[1], centre);
        const Vector4 d2 = displacement(nb.x, j[2], centre), d3 = displacement(nb.x, j[3], centre);
        const Vector4 r2 = sums(d0 * d0, d1 * d1, d2 * d2, d3 * d3);
        const Mask4 within = (lanes < broadcast(end - q)) & (r2 < outer) & (r2 >= inner);
        const int inside = bits(within);
        // what is outside is overwritten by the next one: no branch
        const Vector4 d[] = {d0, d1, d2, d3};
        for (int lane = 0; lane < 4; ++lane) {
          w.index[n] = j[lane];
          store(w.result + 4 * n, d[lane]);
          n += inside >> lane & 1;
        }
      }
      inner = outer;
      reach[axis] = n;
    }
    for (int s = begin; s < n; s += 4) {
      Vector4 dx = load(w.result + 4 * s), dy = load(w.result + 4 * s + 4);
      Vector4 dz = load(w.result + 4 * s + 8), last = load(w.result + 4 * s + 12);
      transpose(dx, dy, dz, last);
      store(w.x + s, dx);
      store(w.y + s, dy);
      store(w.z + s, dz);
      const Vector4 r = root(dx * dx + dy * dy + dz * dz);
      store(w.r + s, r);
      store(w.inverse + s, 1.0 / r);
    }
    for (int axis = 0; axis < tables.slot_count[type]; ++axis) {
      const SplineTable t = *slot[axis];
      const long offset = static_cast<long>(axis) * w.capacity;
      for (int s = begin; s < reach[axis]; s += 4) {
        int row[4];
        Vector4 x;
        rows_of(t, load(w.r + s), row, x);
        for (int lane = 0; lane < 4; ++lane) {
          const double *p = t.polynomials + 16 * row[lane];
          const Vector4 p3 = load(p + 12), at = broadcast(x[lane]);
          const Vector4 h2 = load(p + 8) + at * p3, h1 = load(p + 4) + at * h2;
          const long e = offset + s + lane;
          store(w.basis + 8 * e, load(p) + at * h1);
          store(w.basis + 8 * e + 4, h1 + at * (h2 + at * p3));
          w.first[e] = t.first[row[lane]];
        }
      }
      for (int s = begin; s < reach[axis]; ++s) clamped = clamped || w.r[s] < t.lo;
    }
  }
  for (int s = 0; s < n; s += 4) {
    store(w.fx + s, Vector4{});
    store(w.fy + s, Vector4{});
    store(w.fz + s, Vector4{});
    store(w.stiffness + s, Vector4{});
  }
  // lanes behind the last neighbour: anything finite
  store(w.x + n, broadcast(1));
  store(w.y + n, broadcast(1));
  store(w.z + n, broadcast(1));
  store(w.r + n, broadcast(1));
  store(w.inverse + n, broadcast(1));
  count = n;
  return clamped;
}

}  // namespace ufp
