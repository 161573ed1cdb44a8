"""For a JupyterLab in which nothing may run: it has no kernels, under any name."""

from __future__ import annotations

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel


class NoKernels(KernelSpecManager):
    """Knows no kernel. (jupyter_client's own list of allowed ones hides the others and still starts them.)"""

    def find_kernel_specs(self) -> dict[str, str]:
        """None."""
        return {}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Raises NoSuchKernel."""
        raise NoSuchKernel(kernel_name)
