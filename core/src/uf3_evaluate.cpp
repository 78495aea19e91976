#include "ufp/uf3_evaluate.hpp"

#include <algorithm>

#include "uf3_kernel.hpp"

namespace ufp
{

void Uf3Scratch::reserve(const Uf3Model &model, int legs)
{
  const Uf3Tables &tables = model.tables();
  if (legs <= work_.capacity - 8 && tables.slots <= slots_ && tables.window <= window_ && tables.species <= species_)
    return;
  slots_ = std::max(slots_, tables.slots);
  window_ = std::max(window_, tables.window);
  species_ = std::max(species_, tables.species);
  // room behind the last neighbour for whole vectors
  work_.capacity = std::max(work_.capacity, (legs + 8 + 3) / 4 * 4);
  const auto n = static_cast<std::size_t>(work_.capacity), slots = static_cast<std::size_t>(slots_);
  doubles_.assign(n * (11 + 4 + 8 * slots) + static_cast<std::size_t>(window_) + 8, 0.0);
  integers_.assign(n * (3 + slots) + static_cast<std::size_t>(species_) * (2 + slots), 0);
  // vectors that do not straddle cache lines
  double *d = doubles_.data();
  while (reinterpret_cast<std::size_t>(d) % 64 != 0) ++d;
  for (double **p : {&work_.x, &work_.y, &work_.z, &work_.r, &work_.inverse, &work_.stiffness, &work_.fx, &work_.fy,
                     &work_.fz, &work_.kr, &work_.kt}) {
    *p = d;
    d += n;
  }
  work_.result = d;
  work_.basis = d + 4 * n;
  work_.window = work_.basis + 8 * n * slots;
  work_.index = integers_.data();
  work_.row = work_.index + n;
  work_.hit = work_.row + n;
  work_.first = work_.hit + n;
  work_.run = work_.first + n * slots;
  work_.end = work_.run + species_;
  work_.reach = work_.end + species_;
}

void evaluate(const Uf3Model &model, const Neighborhood &neighborhood, Uf3Scratch &scratch, Uf3Sums &sums,
              Detail detail, Simd simd) noexcept
{
  const KernelCall call{model.tables(), neighborhood, scratch.work(), sums, scratch.events, detail};
  switch (simd) {
#if defined(UFP_X86_KERNELS)
  case Simd::avx2:
    return uf3_kernel_avx2(call);
  case Simd::avx512:
    return uf3_kernel_avx512(call);
#endif
  default:
    return uf3_kernel_baseline(call);
  }
}

}  // namespace ufp
