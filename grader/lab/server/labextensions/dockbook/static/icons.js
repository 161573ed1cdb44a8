// Drawings for JupyterLab's tabs and buttons, in the colour that it gives to icons.
"use strict";

const open = '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">';

export const START = `${open}<g class="jp-icon3" fill="#616161">
<path d="M4 4h3v3H4zM4 10.5h3v3H4zM4 17h3v3H4zM9.5 4.5H20v2H9.5zM9.5 11H20v2H9.5zM9.5 17.5H20v2H9.5z"/></g></svg>`;

export const PANEL = `${open}<g class="jp-icon3" fill="#616161">
<path d="M12 2 3 6.5v11L12 22l9-4.500v-11zm0 2.200 6.300 3.150L12 10.500 5.700 7.350zM5 9l6 3v7l-6-3zm8 10v-7l6-3v7z"/>
</g></svg>`;
