/** What is on the page before the script runs. Text from a server or a client never becomes a part of it as markup. */
export const MARKUP = `<a class="skip" href="#view">Skip to the view</a>
<header>
<div class="bar">
<h1>datafn-ws</h1>
<p id="link" role="status" data-state="waiting">Connecting …</p>
<p id="summary"></p>
</div>
<div id="tabs" role="tablist" aria-label="Views">
<button type="button" role="tab" id="tab-live" aria-controls="view-live" data-view="live">Live</button>
<button type="button" role="tab" id="tab-clients" aria-controls="view-clients" data-view="clients">Clients</button>
<button type="button" role="tab" id="tab-namespaces" aria-controls="view-namespaces" data-view="namespaces">Namespaces</button>
<button type="button" role="tab" id="tab-faults" aria-controls="view-faults" data-view="faults" hidden>Faults</button>
<button type="button" role="tab" id="tab-server" aria-controls="view-server" data-view="server">Server</button>
</div>
<p id="faults-on" role="status" hidden></p>
<div id="problem" role="alert" hidden><p id="problem-text"></p><button type="button" id="problem-close">Dismiss</button></div>
</header>
<main id="view" tabindex="-1">
<form id="login" hidden>
<h2>Admin token</h2>
<p>This server asks for its admin token. The page keeps it in memory only: reload the page, and it is forgotten.</p>
<p id="login-problem" class="bad" role="alert"></p>
<label>Admin token <input id="token" type="password" autocomplete="off" spellcheck="false" required></label>
<button type="submit">Connect</button>
</form>

<section id="view-live" role="tabpanel" aria-labelledby="tab-live" hidden>
<h2 class="spoken">Live</h2>
<div class="tools">
<label>Namespace <input id="live-namespace" type="text" spellcheck="false" autocomplete="off"></label>
<label>Client <input id="live-client" type="text" spellcheck="false" autocomplete="off" placeholder="id or #7"></label>
<label>Kind <select id="live-kind"><option value="">all</option></select></label>
<button type="button" id="live-pause" aria-pressed="false">Pause</button>
<button type="button" id="live-copy">Copy as emit script</button>
</div>
<p id="live-note" class="note" role="status"></p>
<div id="live-list" class="list events" tabindex="0" role="table" aria-label="Events, newest first"></div>
</section>

<section id="view-clients" role="tabpanel" aria-labelledby="tab-clients" hidden>
<h2 class="spoken">Clients</h2>
<div class="tools">
<label>Find <input id="clients-find" type="text" spellcheck="false" autocomplete="off" placeholder="namespace or id" title="Namespace, id or address"></label>
<label>Order <select id="clients-order"><option value="behind">most behind first</option><option value="id">oldest first</option><option value="waiting">most bytes waiting first</option><option value="pong">slowest pong first</option></select></label>
<label class="check"><input id="clients-behind" type="checkbox"> only those behind</label>
</div>
<p id="clients-note" class="note"></p>
<div id="clients-list" class="list clients" tabindex="0" role="table" aria-label="Clients"></div>
</section>

<section id="view-namespaces" role="tabpanel" aria-labelledby="tab-namespaces" hidden>
<h2 class="spoken">Namespaces</h2>
<div class="tools">
<label>Find <input id="namespaces-find" type="text" spellcheck="false" autocomplete="off"></label>
<button type="button" id="namespaces-emit">Emit into a namespace …</button>
</div>
<p id="namespaces-note" class="note" role="status"></p>
<div id="namespaces-list" class="list namespaces" tabindex="0" role="table" aria-label="Namespaces"></div>
</section>

<section id="view-faults" role="tabpanel" aria-labelledby="tab-faults" hidden>
<h2 class="spoken">Faults</h2>
<p id="faults-note" class="note" role="status"></p>
<ul id="faults-rules" class="plain"></ul>
<form id="faults-preset-form" class="tools">
<label>Preset <select id="faults-preset"></select></label>
<label>Namespace <input id="preset-namespace" type="text" spellcheck="false" autocomplete="off" placeholder="everybody"></label>
<button type="submit">Use in place of all rules</button>
<button type="button" id="faults-clear">Clear all</button>
</form>
<p id="preset-help" class="note"></p>
<form id="faults-form">
<h3>Add a rule</h3>
<div class="tools">
<label>Fault <select id="fault-name"></select></label>
<label>Namespace <input id="fault-namespace" type="text" spellcheck="false" autocomplete="off" placeholder="everybody"></label>
<label>Client id <input id="fault-client" type="text" spellcheck="false" autocomplete="off" placeholder="every client"></label>
</div>
<p id="fault-help" class="note"></p>
<div id="fault-settings" class="tools"></div>
<p><button type="submit">Add</button></p>
</form>
</section>

<section id="view-server" role="tabpanel" aria-labelledby="tab-server" hidden>
<h2 class="spoken">Server</h2>
<div id="charts"></div>
<div class="columns">
<div><h3>Limits</h3><dl id="server-limits" class="facts"></dl></div>
<div><h3>Process</h3><dl id="server-process" class="facts"></dl></div>
<div><h3>Cluster</h3><dl id="server-cluster" class="facts"></dl></div>
</div>
<p><button type="button" id="drain" class="danger">Drain this server …</button></p>
</section>
</main>
<dialog id="dialog" aria-labelledby="dialog-title"><form id="dialog-form"><h2 id="dialog-title"></h2><p id="dialog-text"></p><div id="dialog-fields"></div><p id="dialog-problem" class="bad" role="alert"></p><p class="buttons"><button type="submit" id="dialog-ok"></button><button type="button" id="dialog-cancel">Cancel</button></p></form></dialog>
<noscript><p>The dashboard needs JavaScript.</p></noscript>`;
