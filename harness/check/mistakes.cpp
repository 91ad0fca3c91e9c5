#include "harness/check/mistakes.h"

#include "harness/check/mistakes/list.h"

namespace normbench {
namespace {

mistakes::Mistakes all_mistakes() {
  mistakes::Mistakes list;
  mistakes::add_forward(list);
  mistakes::add_statistics(list);
  mistakes::add_mini_batches(list);
  mistakes::add_running(list);
  mistakes::add_backward(list);
  mistakes::add_counting(list);
  mistakes::add_places(list);
  mistakes::add_storage(list);
  mistakes::add_copies(list);
  return list;
}

}  // namespace

std::vector<const Mistake*> mistakes_for(const Problem& problem) {
  static const mistakes::Mistakes known = all_mistakes();
  std::vector<const Mistake*> some;
  for (const mistakes::Entry& entry : known) {
    if (entry.concerns(problem)) some.push_back(&entry.mistake);
  }
  return some;
}

}  // namespace normbench
