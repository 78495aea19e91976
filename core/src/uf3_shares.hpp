// Energies and virials of bonds and triplets divided among their atoms. Internal linkage, see spline_row.hpp.
#pragma once

#include "uf3_kernel.hpp"
#include "vector4.hpp"

namespace ufp
{

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
static inline void share_bond(const KernelCall &call, int j, double energy, const double *d, const double *f)
{
  for (const int atom : {j, call.centre.centre}) {
    if (call.sums.atom_energy) call.sums.atom_energy[atom] += 0.5 * energy;
    if (call.sums.atom_virial) add_share(call.sums.atom_virial + 6 * static_cast<long>(atom), 0.5, d, f);
    if (call.sums.atom_centroid) add_share9(call.sums.atom_centroid + 9 * static_cast<long>(atom), 0.5, d, f);
  }
}

// A third of a triplet to each corner; its centroid (dj + dk) / 3 is counted from the centre.
static inline void share_triplet(const KernelCall &call, int j, int k, double energy, const double *dj,
                                 const double *dk, const double *fj, const double *fk)
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

}  // namespace ufp
