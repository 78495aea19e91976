// Entry points of the kernel, one for each instruction set it is compiled for.
#pragma once

#include "ufp/uf3_evaluate.hpp"

namespace ufp
{

struct KernelCall {
  const Uf3Tables &tables;
  const Neighborhood &centre;
  Uf3Work &work;
  Uf3Sums &sums;
  DomainEvents &events;
  Detail detail;
};

void uf3_kernel_baseline(const KernelCall &call) noexcept;
void uf3_kernel_avx2(const KernelCall &call) noexcept;
void uf3_kernel_avx512(const KernelCall &call) noexcept;

}  // namespace ufp
